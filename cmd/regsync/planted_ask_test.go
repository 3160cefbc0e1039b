package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPlantedAsked asks registries that repeat what they are shown, wherever an answer has room for it, and looks for passwords in all that is
// said of them.
func TestPlantedAsked(t *testing.T) {
	g := plant(t)
	var insecure, registries []string
	for i, name := range []string{"file", "beside", "env", "command", "systemd", "helper"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			shown := r.Header.Get("Authorization")
			user, password, _ := r.BasicAuth()
			all := shown + "/" + user + "/" + password
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token/%s",service=%q`, r.Host, all, all))
			w.Header().Set("Content-Type", "text/"+password)
			switch {
			case shown == "" && r.URL.Path == "/v2/": // so that the credential is shown
				w.WriteHeader(http.StatusUnauthorized)
			case i%3 == 0:
				w.Header().Set("Location", "http://"+r.Host+"/v2/"+all)
				w.WriteHeader(http.StatusTemporaryRedirect)
			case i%3 == 1:
				http.Error(w, all, http.StatusUnauthorized)
			}
		}))
		t.Cleanup(s.Close)
		host := strings.TrimPrefix(s.URL, "http://")
		insecure = append(insecure, fmt.Sprintf("%q", host))
		registries = append(registries, fmt.Sprintf("  - {host: %q, server: %q, credentials: %s}\n", host, s.URL, name))
	}
	_, credentials, _ := strings.Cut(plantedSpec, "credentials:\n")
	credentials, _, _ = strings.Cut(credentials, "mirrors:")
	credentials = strings.Replace(credentials, "  - {name: docker, dockerConfig: /root/config.json}\n", "", 1) // which is for other registries
	text := "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\ninsecure: [" + strings.Join(insecure, ", ") +
		"]\nregistries:\n" + strings.Join(registries, "") + "credentials:\n" + credentials
	g.write("asked.yaml", text)
	g.write("strict.yaml", text+"policy: {requireProbe: true}\n")
	with := func(file, verb string, more ...string) []string {
		return append(append([]string{verb}, more...), "--root", g.root, "-f", file)
	}
	for _, more := range [][]string{{"-v"}, {"-o", "json"}} {
		if out := g.does(exitDone, with("asked.yaml", "plan", append(more, "--probe")...)...); strings.Count(out, "it refuses the credential") < 2 {
			t.Errorf("nobody was shown a credential:\n%s", out)
		}
		g.does(exitError, with("strict.yaml", "apply", append(more, "--probe")...)...)
	}
	g.does(exitDone, with("asked.yaml", "plan", "--probe", "--out", "plan")...)
	g.does(exitDone, with("asked.yaml", "apply", "--probe")...)
	for _, more := range [][]string{{"-v"}, {"-o", "json"}} {
		if out := g.does(exitPending, with("asked.yaml", "verify", more...)...); !strings.Contains(out, "refuses the credential") {
			t.Errorf("nobody was shown a credential:\n%s", out)
		}
	}
}
