package spec

import (
	"path"
	"strings"
)

func (c *checker) checkNode() {
	node := (*place)(nil).at("node")
	containerd, docker := node.at("containerd"), node.at("docker")
	c.checkAbsolute(containerd.at("socket"), c.Node.Containerd.Socket)
	c.checkAbsolute(containerd.at("certsDir"), c.Node.Containerd.CertsDir)
	c.checkAbsolute(containerd.at("configFile"), c.Node.Containerd.ConfigFile)
	c.checkAbsolute(docker.at("configFile"), c.Node.Docker.ConfigFile)
	c.checkAbsolute(docker.at("socket"), c.Node.Docker.Socket)
	c.checkAbsolute(node.at("hostsFile"), c.Node.HostsFile)
	c.checkAbsolute((*place)(nil).at("cluster").at("kubeconfig"), c.Cluster.Kubeconfig)
	if strings.Contains(c.Node.Containerd.CertsDir, ":") {
		// Seen on 2.1.9, 2.2.9 and 2.4.2: with a list no directory at all is found.
		c.report(nil, containerd.at("certsDir"), "name one directory", "a colon makes it a list, in which containerd 2.1 and later find nothing")
	}
	if n := c.Node.Containerd.Namespace; n != "" && !containerdName().MatchString(n) {
		c.wrong(containerd.at("namespace"), n, "is not a name of a containerd namespace", "")
	}
	if o := c.Cluster.Owner; o != "" && !ownerName().MatchString(o) {
		c.wrong((*place)(nil).at("cluster").at("owner"), o, "cannot be the value of a label and name a lease: lower-case letters, digits and - are allowed, at most 55", "")
	}
}

var (
	// containerdName is github.com/containerd/containerd/v2/pkg/identifiers.
	containerdName = pattern(`^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$`)
	// ownerName is what Kubernetes takes as a label's value and, after "regsync-", as an object's name.
	ownerName = pattern(`^[a-z0-9]([a-z0-9-]{0,53}[a-z0-9])?$`)
)

// checkAbsolute checks a path on the node.
func (c *checker) checkAbsolute(p *place, file string) {
	switch {
	case file == "":
	case strings.Contains(file, "://"):
		c.wrong(p, file, "is a URL and should be a path", "write "+file[strings.Index(file, "://")+3:])
	case !path.IsAbs(file):
		c.wrong(p, file, "is not an absolute path", "")
	case strings.ContainsAny(file, "\"\\"):
		c.wrong(p, file, "has a quote or a backslash in it", "")
	case path.Clean(file) != file:
		c.wrong(p, file, "is not the shortest way to write this path", "write "+path.Clean(file))
	}
}
