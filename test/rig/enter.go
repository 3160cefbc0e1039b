package rig

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ExampleAddress is where the examples' registry listens. Inside the rig it is an address of the loopback.
const ExampleAddress = "192.168.1.140"

// addresses are those that examples and stories use, all on the loopback of the rig.
var addresses = []string{ExampleAddress, "192.168.1.141", "192.168.1.142", "10.0.0.9", "10.141.241.175"}

// thrownAway are the trees that a story may write to: each gets an overlay, its changes go to a tmpfs.
var thrownAway = []string{"/etc", "/var", "/opt"}

// Enter makes this process, which [Isolated] has started in new namespaces, a node of its own, or, where [Watched] has started it, the
// program that is watched. The main function of a test binary calls it before anything else; outside of the rig it does nothing.
func Enter() {
	becomeWatched()
	scratch := os.Getenv(InsideVariable)
	if scratch == "" {
		return
	}
	if err := EnterNamespaces(scratch); err != nil {
		fmt.Fprintf(os.Stderr, "entering the rig's namespaces: %v\n", err)
		os.Exit(1)
	}
}

// EnterNamespaces sets up mounts and network of a process that has network, mount and process namespaces of its own.
// Scratch is an empty directory that holds the overlays' upper layers.
func EnterNamespaces(scratch string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	upper := filepath.Join(scratch, "upper")
	if err := os.MkdirAll(upper, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", upper, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting a tmpfs on %q: %w", upper, err)
	}
	for _, dir := range thrownAway {
		if err := overlay(dir, filepath.Join(upper, dir)); err != nil {
			return err
		}
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting a tmpfs on /run: %w", err)
	}
	if err := ownFiles(); err != nil {
		return err
	}
	return loopback()
}

func overlay(dir, upper string) error {
	layer, work := filepath.Join(upper, "layer"), filepath.Join(upper, "work")
	for _, d := range []string{layer, work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	options := "lowerdir=" + dir + ",upperdir=" + layer + ",workdir=" + work
	if err := unix.Mount("overlay", dir, "overlay", 0, options); err != nil {
		return fmt.Errorf("mounting an overlay on %q: %w", dir, err)
	}
	return nil
}

// ownFiles replaces what of the machine would be seen through the overlays: its resolver, its hosts, and the
// configuration and state of runtimes that are installed on it.
func ownFiles() error {
	for _, dir := range []string{"/var/snap", "/var/lib/regsync", "/var/lib/docker", "/var/lib/containerd"} {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("hiding %q: %w", dir, err)
		}
	}
	for _, name := range []string{
		"/etc/docker", "/etc/containerd", "/etc/regsync", "/etc/default/docker",
		"/etc/systemd/system/docker.service.d", "/etc/systemd/system/containerd.service.d",
	} {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	if err := os.MkdirAll("/etc/docker", 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"/etc/resolv.conf":   "",
		"/etc/nsswitch.conf": "hosts: files\n",
		"/etc/hosts":         "127.0.0.1 localhost\n127.0.1.1 node\n::1 ip6-localhost ip6-loopback\n",
	} {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return unix.Sethostname([]byte("node"))
}

// loopback brings the namespace's only interface up, which gives it 127.0.0.1 and ::1, and adds the examples' addresses.
func loopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	up, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	up.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, up); err != nil {
		return fmt.Errorf("bringing the loopback up: %w", err)
	}
	for i, address := range addresses {
		if err := alias(socket, fmt.Sprintf("lo:%d", i), netip.MustParseAddr(address)); err != nil {
			return fmt.Errorf("adding %s to the loopback: %w", address, err)
		}
	}
	return nil
}

// alias gives an interface label one address and nothing around it: without the mask it would get its whole /24.
func alias(socket int, label string, address netip.Addr) error {
	for _, set := range []struct {
		request uint
		value   netip.Addr
	}{
		{unix.SIOCSIFADDR, address},
		{unix.SIOCSIFNETMASK, netip.AddrFrom4([4]byte{255, 255, 255, 255})},
	} {
		request, err := unix.NewIfreq(label)
		if err != nil {
			return err
		}
		if err := request.SetInet4Addr(set.value.AsSlice()); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(socket, set.request, request); err != nil {
			return err
		}
	}
	return nil
}
