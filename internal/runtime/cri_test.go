package runtime

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	introspection "github.com/containerd/containerd/api/services/introspection/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/regsync/regsync/render"
)

const (
	conflict = "invalid plugin config: `mirrors` cannot be set when `config_path` is provided"
	grpcV1   = "io.containerd.grpc.v1"
	criV1    = "io.containerd.cri.v1"
)

func TestCRI(t *testing.T) {
	notYet := func(int) error { return status.Error(codes.Unknown, "server is not initialized yet") }
	tests := []struct {
		name  string
		fake  *fake
		want  string // empty: it answers
		final bool   // it never will
	}{
		{"answers", &fake{service: "runtime.v1"}, "", false},
		{"answers by the older name", &fake{service: "runtime.v1alpha2"}, "", false},
		{"not yet", &fake{service: "runtime.v1", refuse: notYet}, "server is not initialized yet", false},
		{
			"plugin of 1.x did not load", &fake{plugins: []*introspection.Plugin{plugin("io.containerd.snapshotter.v1", "zfs", "skip plugin"), plugin(grpcV1, "cri", conflict)}},
			"plugin io.containerd.grpc.v1.cri did not load: " + conflict, true,
		},
		{
			"plugin of 2.x did not load", &fake{plugins: []*introspection.Plugin{plugin(grpcV1, "cri", "unable to load CRI image service plugin dependency"), plugin(criV1, "images", conflict)}},
			"plugin io.containerd.cri.v1.images did not load: " + conflict, true,
		},
		{"disabled", &fake{plugins: []*introspection.Plugin{plugin(criV1, "images", "")}}, "disabled_plugins", true},
		{"loaded and silent", &fake{plugins: []*introspection.Plugin{plugin(grpcV1, "cri", "")}}, "does not serve", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := CRI(t.Context(), tt.fake.serve(t))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			var failed *PluginError
			if final := errors.As(err, &failed) || errors.Is(err, ErrNoCRI); final != tt.final {
				t.Errorf("final: %v", final)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none.sock")
	if err := CRI(t.Context(), socket); err == nil || !strings.Contains(err.Error(), "no such file or directory") || strings.Contains(err.Error(), "rpc error") {
		t.Errorf("got %v", err)
	}
	if _, _, err := Version(t.Context(), socket); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	if _, _, err := Started(socket); err == nil {
		t.Error("started without a listener")
	}
}

func TestWaitCRI(t *testing.T) {
	f := &fake{service: "runtime.v1", refuse: func(call int) error {
		if call < 3 {
			return status.Error(codes.Unknown, "server is not initialized yet")
		}
		return nil
	}}
	if err := WaitCRI(t.Context(), f.serve(t)); err != nil || f.calls.Load() != 3 {
		t.Errorf("after %d calls: %v", f.calls.Load(), err)
	}

	f = &fake{plugins: []*introspection.Plugin{plugin(grpcV1, "cri", conflict)}}
	var failed *PluginError
	if err := WaitCRI(t.Context(), f.serve(t)); !errors.As(err, &failed) || failed.Cause != conflict {
		t.Errorf("got %v", err)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	f = &fake{service: "runtime.v1", refuse: func(call int) error {
		if call == 2 {
			cancel(errors.New("out of patience"))
		}
		return status.Error(codes.Unknown, "server is not initialized yet")
	}}
	if err := WaitCRI(ctx, f.serve(t)); err == nil || !strings.Contains(err.Error(), "not initialized yet (out of patience)") {
		t.Errorf("got %v", err)
	}
}

func TestVersion(t *testing.T) {
	for said, want := range map[string]render.Version{
		"1.6.20~ds1":    {Major: 1, Minor: 6, Patch: 20},
		"v2.2.9":        {Major: 2, Minor: 2, Patch: 9},
		"2.0.0-rc.1":    {Major: 2},
		"1.7.35+k3s1":   {Major: 1, Minor: 7, Patch: 35},
		"2.3":           {Major: 2, Minor: 3},
		"+unknown":      {},
		"":              {},
		"9999999999999": {},
	} {
		f := &fake{version: said}
		if got, text, err := Version(t.Context(), f.serve(t)); err != nil || got != want || text != said {
			t.Errorf("%q: %v %q %v", said, got, text, err)
		}
	}
}

func TestLoadedConfigPath(t *testing.T) {
	tests := []struct {
		name    string
		info    map[string]string
		path    string
		mirrors bool
		ok      bool
	}{
		{"1.x", map[string]string{"golang": "go1.19", "config": `{"containerd":{},"registry":{"configPath":"/certs.d","mirrors":null}}`}, "/certs.d", false, true},
		{"1.x, inline", map[string]string{"config": `{"registry":{"configPath":"","mirrors":{"docker.io":{"endpoint":["http://m"]}}}}`}, "", true, true},
		{"2.x", map[string]string{"config": `{"containerd":{}}`}, "", false, false},
		{"no config", map[string]string{"golang": "go1.19"}, "", false, false},
		{"no JSON", map[string]string{"config": `{`}, "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{service: "runtime.v1", info: tt.info}
			path, mirrors, ok, err := LoadedConfigPath(t.Context(), f.serve(t))
			if err != nil || path != tt.path || mirrors != tt.mirrors || ok != tt.ok {
				t.Errorf("got %q %v %v %v", path, mirrors, ok, err)
			}
		})
	}
	if _, _, _, err := LoadedConfigPath(t.Context(), (&fake{}).serve(t)); !errors.Is(err, ErrNoCRI) {
		t.Errorf("without a CRI: %v", err)
	}
}

func FuzzStatusInfo(f *testing.F) {
	f.Add([]byte{0x0a, 0, 0x12, 6, 0x0a, 1, 'k', 0x12, 1, 'v'})
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, ok := statusInfo(data, "k"); !ok && v != "" {
			t.Errorf("%q without ok", v)
		}
	})
}
