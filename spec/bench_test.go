package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/regsync/regsync/spec"
)

// many is a file with n registries, each with a mirror.
func many(n int) []byte {
	var b strings.Builder
	b.WriteString(head + "registries:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - host: r%d.lab:5000\n    server: http://10.0.%d.%d:5000\n    header: {X-Site: [plant-7]}\n", i, i>>8, i&255)
	}
	b.WriteString("mirrors:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - registry: r%d.lab:5000\n    endpoints:\n      - https://m%d.lab/v2/cache\n", i, i)
	}
	b.WriteString("insecure:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - 10.0.%d.%d:5000\n", i>>8, i&255)
	}
	return []byte(b.String())
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		data := many(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := spec.Load([]spec.Source{{Name: "regsync.yaml", Data: data}}, spec.Facts{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint(n, "/yaml-alone"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var root yaml.Node
				if err := yaml.Unmarshal(data, &root); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
