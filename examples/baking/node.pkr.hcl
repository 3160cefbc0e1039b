# An image of a node that knows its registries before it has ever run. Packer starts a machine of an image of yours, with containerd in
# it, which lets root in by a key; what is installed and written there is the new image, in output-node.
#
#	packer init node.pkr.hcl
#	packer build -var image=… -var checksum=sha256:… -var key=… -var package=regsync-node_VERSION_amd64.deb node.pkr.hcl
packer {
  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = "~> 1"
    }
  }
}

variable "image" {
  type        = string
  description = "Path or URL of a disk image of Debian or Ubuntu."
}

variable "checksum" {
  type        = string
  description = "Its checksum, as sha256:HEX."
}

variable "key" {
  type        = string
  description = "The private key that the image lets in as root."
}

variable "package" {
  type        = string
  description = "Path of a regsync-node package."
}

source "qemu" "node" {
  iso_url              = var.image
  iso_checksum         = var.checksum
  disk_image           = true
  headless             = true
  output_directory     = "output-node"
  ssh_username         = "root"
  ssh_private_key_file = var.key
  shutdown_command     = "systemctl poweroff"
}

build {
  sources = ["source.qemu.node"]

  provisioner "file" {
    source      = var.package
    destination = "/var/tmp/regsync-node.deb"
  }

  # The same folder that mkosi lays into its image. Put yours in its place.
  provisioner "file" {
    source      = "${path.root}/mkosi.extra/etc/regsync"
    destination = "/etc"
  }

  # --root works on files alone: what runs in this machine, which is about to be switched off, is neither asked nor restarted. The image
  # gets a machine-id of its own wherever it boots; remove whatever else must not be the same on all nodes.
  provisioner "shell" {
    inline = [
      "apt-get install -y /var/tmp/regsync-node.deb",
      "regsync apply --yes --root /",
      "systemctl enable regsync-recover.service",
      "rm /var/tmp/regsync-node.deb",
      ": >/etc/machine-id",
    ]
  }
}
