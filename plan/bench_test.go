package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/regsync/regsync/render"
)

// BenchmarkNew compares what is wanted with a node, for so many registries: one on which all is as it should be, and one on which
// nothing is there yet.
func BenchmarkNew(b *testing.B) {
	digest := func(data []byte) string {
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	}
	for _, n := range []int{10, 100, 1_000, 10_000} {
		want := make([]render.Resource, 0, n)
		have, owned := map[render.ID]Live{}, map[render.ID]Owned{}
		for i := range n {
			id := render.ID{Kind: render.KindFile, Name: fmt.Sprintf("/etc/containerd/certs.d/r%05d.lab:5000/hosts.toml", i)}
			body := fmt.Appendf(nil, "# Managed by regsync\nserver = \"https://r%05d.lab:5000\"\n\n[host]\n", i)
			want = append(want, render.Resource{ID: id, Body: body, Mode: 0o644, Why: "registry"})
			have[id] = Live{Data: body, Mode: 0o644}
			owned[id] = Owned{Applied: digest(body), Mode: 0o644}
		}
		for name, node := range map[string]struct {
			have  map[render.ID]Live
			owned map[render.ID]Owned
		}{"converged": {have, owned}, "empty": {}} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := New(want, node.have, node.owned, Policy{Adopt: true, Digest: digest}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
