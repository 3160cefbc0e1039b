package probe

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
)

// inline gives those whom a containerd without config_path asks (registryHosts and registryEndpoints of its CRI).
func inline(c *render.RegistryConfig, change func(*http.Transport)) loader.HostFunc {
	return func(registry string) ([]docker.RegistryHost, error) {
		var all []docker.RegistryHost
		for _, e := range inlineEndpoints(c, registry) {
			u, err := url.Parse(e)
			if err != nil {
				return nil, fmt.Errorf("parse registry endpoint %q from mirrors: %w", e, err)
			}
			transport := http.DefaultTransport.(*http.Transport).Clone()
			i := slices.IndexFunc(c.TLS, func(t render.InlineTLS) bool { return t.Host == u.Host })
			switch {
			case i >= 0:
				if transport.TLSClientConfig, err = inlineTLS(c.TLS[i]); err != nil {
					return nil, fmt.Errorf("get TLSConfig for registry %q: %w", e, err)
				}
			case docker.IsLocalhost(registry) && u.Scheme == "http":
				transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // as containerd does
			}
			if change != nil {
				change(transport)
			}
			client := &http.Client{Transport: transport}
			if u.Path == "" {
				u.Path = "/v2"
			}
			all = append(all, docker.RegistryHost{
				Client: client, Authorizer: docker.NewDockerAuthorizer(docker.WithAuthClient(client)),
				Host: u.Host, Scheme: u.Scheme, Path: u.Path, Capabilities: docker.HostCapabilityResolve | docker.HostCapabilityPull,
			})
		}
		return all, nil
	}
}

// inlineEndpoints are those of the registry's mirror, or of the mirror "*", and then the registry itself.
func inlineEndpoints(c *render.RegistryConfig, registry string) []string {
	var urls []string
	for _, name := range []string{registry, "*"} {
		i := slices.IndexFunc(c.Mirrors, func(m render.InlineMirror) bool { return m.Host == name })
		if i < 0 {
			continue
		}
		for _, e := range c.Mirrors[i].Endpoints {
			if !strings.Contains(e, "://") {
				e = scheme(e) + "://" + e
			}
			urls = append(urls, e)
		}
		break
	}
	for _, e := range urls {
		if u, err := url.Parse(e); err == nil && u.Host == registry {
			return urls
		}
	}
	if registry == "docker.io" {
		registry = "registry-1.docker.io"
	}
	return append(urls, scheme(registry)+"://"+registry)
}

func scheme(host string) string {
	if docker.IsLocalhost(host) {
		return "http"
	}
	return "https"
}

func inlineTLS(t render.InlineTLS) (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: t.SkipVerify} // what the node's config says
	if t.CertFile != "" || t.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("failed to load cert file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if t.CAFile != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, err
		}
		data, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("failed to load CA file: %w", err)
		}
		pool.AppendCertsFromPEM(data)
		c.RootCAs = pool
	}
	return c, nil
}
