package probe

import (
	"net"
	"net/http"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
)

// What 1.6 does otherwise than 1.7, as seen on 1.6.20 and 1.6.36.

// old reports whether a containerd is of 1.6 or before.
func old(v render.Version) bool { return v.Known() && v.Before(1, 7) }

// first reports whether it is one that never tries https before http. Which release between the two that were looked at began to is
// not known; 1.6.20 is what Debian 12 has.
func first(v render.Version) bool { return old(v) && (v.Before(1, 6) || v.Patch <= 20) }

// unread says why 1.6 takes a hosts.toml that 1.7 reads for a broken one; empty where it does not.
func unread(v render.Version, f hostsFile, data []byte) string {
	if old(v) && len(data) > 0 && f.sound && !f.table {
		return "containerd 1.6 does not read a hosts.toml without a host table (invalid `host` tree); an empty [host] at its end cures it"
	}
	return ""
}

// asOld changes what 1.7's loader gives to what 1.6 does.
func asOld(v render.Version, load loader.HostFunc, change func(*http.Transport)) loader.HostFunc {
	return func(registry string) ([]docker.RegistryHost, error) {
		hosts, err := load(registry)
		for i := range hosts {
			h := &hosts[i]
			_, port, _ := net.SplitHostPort(h.Host)
			_, plain := h.Client.Transport.(*http.Transport)
			implicit := i == len(hosts)-1 && h.Host == registry && docker.IsLocalhost(registry)
			switch {
			case !plain && (first(v) || port == ""),
				plain && first(v) && implicit && h.Scheme == "https" && skips(h.Client):
				h.Scheme = "http"
				h.Client = bare(change)
				h.Authorizer = docker.NewDockerAuthorizer(docker.WithAuthClient(h.Client))
			}
		}
		return hosts, err
	}
}

func skips(c *http.Client) bool {
	t, ok := c.Transport.(*http.Transport)
	return ok && t.TLSClientConfig != nil && t.TLSClientConfig.InsecureSkipVerify
}

// bare gives a client without any TLS of its own.
func bare(change func(*http.Transport)) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if change != nil {
		change(t)
	}
	return &http.Client{Transport: t}
}

// bracketed reports whether a registry is named by an address that 1.6's CRI cannot parse.
func bracketed(registry string) bool { return strings.HasPrefix(registry, "[") }
