package plan

import (
	"testing"

	"github.com/regsync/regsync/render"
)

// FuzzGiveBack applies a plan to any node, makes sure that nothing is left to do, gives everything back, and compares.
func FuzzGiveBack(f *testing.F) {
	f.Add("server = \"https://a\"\n", "127.0.0.1 localhost\n", "{\"debug\":true}", "version = 2\n", uint8(0b1111))
	f.Add("", "", "", "", uint8(0))
	f.Add("", "", "{}", "", uint8(0b1111))
	f.Add(oursElse, "# BEGIN regsync\n# END regsync\n", "{\"insecure-registries\":[]}", "version = 3\r\n", uint8(0b1111))
	f.Add(k3s, "\xef\xbb\xbf1.2.3.4 a\r\n", "{\n\t\"registry-mirrors\": [\"http://m:1\"]\n}", "[plugins]\n", uint8(0b0101))
	f.Fuzz(func(t *testing.T, hosts, etc, daemon, config string, there uint8) {
		files := map[string]string{}
		for i, c := range []struct{ name, text string }{{hostsFile, hosts}, {etcHosts, etc}, {daemonJSON, daemon}, {configTOML, config}} {
			if there&(1<<i) != 0 {
				files[c.name] = c.text
			}
		}
		want := []render.Resource{
			whole(oursNow), block("10.0.0.4 a.example\n"),
			keys(`{"insecure-registries":["a:1"],"registry-mirrors":["http://m:1"]}`), table("config_path = \"/a\"\n"),
		}
		w := newWorld(map[string]string{})
		for name, text := range files {
			w.files[name] = text
		}
		pol := Policy{Adopt: true, AdoptFrom: []string{"k3s", "rke2", "ansible", "puppet", "spegel", "dragonfly"}}
		if _, err := w.plan(pol, want...); err != nil {
			return // a file that cannot be edited: nothing is done
		}
		w.apply(t, pol, want...)
		w.converged(t, pol, want...)
		if render.Tool(hostsFile, []byte(hosts)) == render.Ours {
			delete(files, hostsFile) // it bore our mark, so it was never anybody else's
		}
		if text, ok := files[etcHosts]; ok { // and so was a block between our markers
			without, err := render.Withdraw(render.Block, []byte(text), []byte{}, want[1].Body)
			if err != nil {
				t.Fatal(err)
			}
			files[etcHosts] = string(without)
		}
		w.apply(t, Policy{Exact: true})
		for name := range w.files {
			if _, ok := files[name]; !ok {
				t.Errorf("%s is left over: %q", name, w.files[name])
			}
		}
		for name, text := range files {
			if got, ok := w.files[name]; !ok || got != text {
				t.Errorf("%s came back as %q (there: %v), want %q", name, got, ok, text)
			}
		}
	})
}
