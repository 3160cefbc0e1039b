package probe

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
)

// describe says in words what a host means.
func describe(h docker.RegistryHost, f hostsFile, upstream bool) Endpoint {
	d := loader.Describe(h)
	e := Endpoint{URL: d.URL, Capabilities: d.Capabilities, Upstream: upstream, Credentials: "none"}
	table := f.of(d.URL, upstream)
	if d.HTTPFallback && table == nil {
		table = f.of("http://"+strings.TrimPrefix(d.URL, "http://"), upstream)
	}
	switch how := secured(d, f, table); {
	case d.HTTPFallback:
		// containerd's transport hides its TLS here: the file says it, and a loopback without a file is not verified.
		how = fallback(f, table, upstream)
		e.TLS = "https first (" + how + "), then plain http"
	case h.Scheme == "http":
		e.TLS = "plain http"
	default:
		e.TLS = how
	}
	var secret []string
	for _, name := range sorted(d.Header) {
		if render.Credential(name) {
			secret = append(secret, http.CanonicalHeaderKey(name)+" header")
		} else {
			e.Headers = append(e.Headers, name)
		}
	}
	if secret != nil {
		e.Credentials = strings.Join(secret, ", ")
	}
	return e
}

// fallback says how the other side is known that is asked by https though it is named by http.
func fallback(f hostsFile, table map[string]any, upstream bool) string {
	skip, told := table["skip_verify"].(bool)
	cas, pairs := f.files(table, "ca"), f.files(table, "client")
	implicit := upstream && table["server"] == nil // only loopback comes here without a server
	return secured(loader.Endpoint{SkipVerify: skip || implicit && !told, HasCA: cas != nil, HasClient: pairs != nil}, f, table)
}

// secured says how the other side of a TLS connection is known, and what it is shown.
func secured(d loader.Endpoint, f hostsFile, table map[string]any) string {
	how := "verified"
	if d.HasCA {
		cas := f.files(table, "ca")
		if table == nil || cas == nil {
			cas = beside(f.dir, ".crt")
		}
		how = strings.TrimSuffix("verified with "+strings.Join(cas, ", "), " with ")
	}
	if d.SkipVerify {
		how = "not verified"
	}
	if d.HasClient {
		pairs := f.files(table, "client")
		if table == nil || pairs == nil {
			pairs = beside(f.dir, ".cert")
		}
		if len(pairs) == 0 {
			return how + ", with a client certificate"
		}
		return how + ", with client certificate " + pairs[0]
	}
	return how
}

// beside gives the files of a directory that end so.
func beside(dir, ext string) []string {
	if dir == "" {
		return nil
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"+ext))
	return slices.DeleteFunc(names, func(n string) bool { i, err := os.Stat(n); return err != nil || i.IsDir() })
}

// authNotes says which credentials of containerd's config would be sent.
func (r *Road) authNotes(c *render.RegistryConfig, hosts []docker.RegistryHost) {
	for i, h := range hosts {
		if slices.Contains(c.Auth, h.Host) {
			r.Endpoints[i].Credentials = fmt.Sprintf("inline auth of %s", filepath.Base(r.File))
			if r.Probed {
				r.Notes = append(r.Notes, "the inline auth of "+h.Host+" is not sent by this probe")
			}
		}
		if t, ok := h.Client.Transport.(*http.Transport); ok && t.TLSClientConfig != nil && h.Scheme == "https" {
			r.Endpoints[i].TLS = inlineWords(t.TLSClientConfig, c, h.Host)
		}
	}
}

func inlineWords(t *tls.Config, c *render.RegistryConfig, host string) string {
	for _, x := range c.TLS {
		if x.Host != host {
			continue
		}
		how := "verified"
		if t.InsecureSkipVerify {
			how = "not verified"
		} else if x.CAFile != "" {
			how += " with " + x.CAFile
		}
		if x.CertFile != "" {
			how += ", with client certificate " + x.CertFile
		}
		return how
	}
	return "verified"
}
