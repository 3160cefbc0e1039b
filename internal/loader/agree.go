package loader

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/regsync/regsync/render"
)

// Host gives the registry whose directory in certs.d has this name: host:port, host_port_, or _default for "*".
func Host(directory string) string {
	if directory == "_default" {
		return "*"
	}
	if name, ok := strings.CutSuffix(directory, "_"); ok {
		if i := strings.LastIndexByte(name, '_'); i > 0 {
			return name[:i] + ":" + name[i+1:]
		}
	}
	return directory
}

// Agrees says how what containerd makes of a registry differs from what was meant; nil if it does not. To _default, which
// is nobody's own, containerd adds the registry itself at the end.
func (r Result) Agrees(asks []render.Endpoint) error {
	switch {
	case r.Panic != "":
		return fmt.Errorf("it would end containerd: %s", r.Panic)
	case len(r.Logged) > 0:
		return fmt.Errorf("it would be ignored: %s", strings.Join(r.Logged, "; "))
	}
	got := r.Endpoints
	if n := len(asks); len(got) == n+1 && r.Directory == "_default" {
		got = got[:n]
	}
	if len(got) != len(asks) {
		return fmt.Errorf("%d endpoints would be asked, not %d", len(got), len(asks))
	}
	for i, want := range asks {
		if err := got[i].agrees(want); err != nil {
			return fmt.Errorf("endpoint %d: %w", i+1, err)
		}
	}
	return nil
}

func (e Endpoint) agrees(want render.Endpoint) error {
	capabilities := slices.DeleteFunc(slices.Clone(e.Capabilities), func(c string) bool {
		return c == "referrers" && !slices.Contains(want.Capabilities, c) // 2.x adds it where all are meant
	})
	slices.Sort(capabilities)
	meant := slices.Sorted(slices.Values(want.Capabilities))
	api, err := url.PathUnescape(want.API()) // as containerd has it
	if err != nil {
		return fmt.Errorf("%q: %w", want.URL, err)
	}
	switch {
	case e.URL != api:
		return fmt.Errorf("%q would be asked, not %q", e.URL, api)
	case !slices.Equal(capabilities, meant):
		return fmt.Errorf("%q would be asked for %v, not %v", e.URL, capabilities, meant)
	case e.HTTPFallback:
		return fmt.Errorf("%q would be asked by https first", e.URL)
	case e.SkipVerify != want.SkipVerify:
		return fmt.Errorf("whether %q is verified differs", e.URL)
	case e.HasCA != (len(want.CA)+len(want.CAFiles) > 0):
		return fmt.Errorf("the certificate authority of %q differs", e.URL)
	case e.HasClient != (want.Cert != nil || len(want.ClientFiles) > 0):
		return fmt.Errorf("the client certificate of %q differs", e.URL)
	case !maps.EqualFunc(e.Header, want.Header, slices.Equal):
		return fmt.Errorf("the header that %q gets differs", e.URL)
	}
	return nil
}
