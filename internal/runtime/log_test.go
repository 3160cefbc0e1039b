package runtime

import "testing"

func TestWorst(t *testing.T) {
	const (
		info   = `time="2026-01-02T03:04:05Z" level=info msg="loading plugin \"io.containerd.grpc.v1.cri\"..."`
		plugin = `time="2026-01-02T03:04:05Z" level=warning msg="failed to load plugin io.containerd.grpc.v1.cri" error="invalid plugin config"`
		cni    = `time="2026-01-02T03:04:05Z" level=error msg="failed to load cni during init"`
		end    = "containerd: failed to load TOML: /etc/containerd/config.toml: (1, 13): unexpected token"
	)
	for _, test := range []struct{ name, log, want string }{
		{"nothing", "", ""},
		{"all is well", info, ""},
		{"its end counts most", end + "\n" + info + "\n" + plugin + "\n" + cni + "\n", end},
		{"then the plugin", info + "\n" + plugin + "\n" + cni, plugin},
		{"then any error", info + "\n  " + cni, cni},
		{"the last one", "containerd: one\n" + end, end},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := worst(test.log); got != test.want {
				t.Errorf("worst gives %q, want %q", got, test.want)
			}
		})
	}
}
