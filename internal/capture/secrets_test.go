package capture_test

import (
	"strings"
	"testing"

	"github.com/regsync/regsync/internal/capture"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// sealed stands for a digest.
func sealed(password string) string { return "digest of " + password }

// login is what one registry's login is found as.
func login(registry, user, password string) render.FoundLogin {
	return render.FoundLogin{Registry: registry, Username: user, Digest: sealed(password)}
}

// TestPullSecrets: what becomes of the pull secrets of a node that has nothing else. A line of want stands for the lines of the file in this
// order; ! says that none has it.
func TestPullSecrets(t *testing.T) {
	robot := []render.FoundLogin{login("a.corp", "robot", "one")}
	for name, test := range map[string]struct {
		secrets []render.FoundSecret
		cluster spec.Cluster
		want    []string
	}{
		"none": {cluster: spec.Cluster{Owner: "plant-7"}, want: []string{"!pullSecrets:", "!cluster:"}},
		"alike in two namespaces": {
			secrets: []render.FoundSecret{{Namespace: "x", Name: "s", Logins: robot}, {Namespace: "y", Name: "s", Logins: robot}},
			want:    []string{"  - name: a.corp", "  - name: s", "    credentials: [a.corp]", "    namespaces: [x, \"y\"]", "!# -", "!serviceAccounts"},
		},
		"other references": {
			secrets: []render.FoundSecret{{Namespace: "a", Name: "s", Logins: robot, Accounts: []string{"default"}}, {Namespace: "b", Name: "s", Logins: robot}, {Namespace: "c", Name: "s", Logins: robot, Accounts: []string{"default"}}},
			want:    []string{"    namespaces: [a, c]", "    serviceAccounts: [default]", "  - name: s", "    namespaces: [b]", "!# -"},
		},
		"another user": {
			secrets: []render.FoundSecret{{Namespace: "a", Name: "s", Logins: robot}, {Namespace: "b", Name: "s", Logins: []render.FoundLogin{login("a.corp", "else", "one")}}},
			want:    []string{"  # - name: a.corp", "  # - name: a.corp-2", "has other registries or user names in b", "  # - name: s", "has other registries or user names in a", "  # - name: s", "!  - name"},
		},
		"another password": {
			secrets: []render.FoundSecret{{Namespace: "a", Name: "s", Logins: robot}, {Namespace: "b", Name: "s", Logins: []render.FoundLogin{login("a.corp", "robot", "two")}}},
			want:    []string{"  # - name: a.corp-2", "has other passwords in b", "  # - name: s", "!  - name"},
		},
		"another password under another name": {
			secrets: []render.FoundSecret{{Namespace: "a", Name: "s", Logins: robot}, {Namespace: "a", Name: "t", Logins: []render.FoundLogin{login("a.corp", "robot", "two")}}},
			want:    []string{"  - name: a.corp", "  - name: a.corp-2", "    credentials: [a.corp]", "    credentials: [a.corp-2]", "!# -"},
		},
		"one that cannot be ours beside one that can": {
			secrets: []render.FoundSecret{
				{Namespace: "a", Name: "s", Logins: []render.FoundLogin{login("a.corp", "robot", "two")}, Keeper: "regsync of plant-8"}, {Namespace: "b", Name: "s", Logins: robot, Keeper: "regsync"},
			},
			cluster: spec.Cluster{Owner: "plant-7", Manage: "auto"},
			want:    []string{"cluster:", "  owner: plant-7", "  - name: s", "    namespaces: [b]", "a/s is regsync's for another owner, plant-8", "  # - name: s", "!manage"},
		},
		"several that the file cannot say": {
			secrets: []render.FoundSecret{
				{Namespace: "a", Name: "p", Logins: []render.FoundLogin{login("short", "robot", "one")}},
				{Namespace: "a", Name: "q", Logins: []render.FoundLogin{login("shorter", "robot", "one")}},
				{Namespace: "a", Name: "r", Logins: robot},
				{Namespace: "a", Name: "s", Logins: robot},
				{Namespace: "a", Name: "t", Logins: []render.FoundLogin{login("b.corp", "a:b", "one")}},
			},
			want: []string{"  # - name: short", "  # - name: shorter", "  - name: a.corp", "  # - name: b.corp", "  # - name: p", "  # - name: q", "  - name: r", "  - name: s", "  # - name: t"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := capture.Capture(t.Context(), capture.Node{
				Secrets: test.secrets, Cluster: test.cluster, Digest: sealed, Read: func(string) ([]byte, error) { return nil, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			text, err := d.YAML()
			if err != nil {
				t.Fatal(err)
			}
			rest := string(text)
			for _, want := range test.want {
				if absent, ok := strings.CutPrefix(want, "!"); ok {
					if strings.Contains(string(text), absent) {
						t.Errorf("%q is in it", absent)
					}
					continue
				}
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Errorf("%q is not there, or not in this order", want)
				}
				rest = after
			}
			if _, _, err := spec.Load([]spec.Source{{Name: "captured", Data: text}}, spec.Facts{}); err != nil {
				t.Error(err)
			}
			if strings.Contains(string(text), "digest of") {
				t.Error("a digest is in it")
			}
			if t.Failed() {
				t.Logf("%s", text)
			}
		})
	}
}
