package render

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

// secretsSpec asks for the credentials of two registries in what selects the namespaces.
func secretsSpec(entries ...spec.PullSecret) *spec.Spec {
	return &spec.Spec{
		Cluster: spec.Cluster{Owner: "plant-7"},
		Credentials: []spec.Credential{
			{Name: "harbor", Registries: []string{"harbor.corp:8443"}},
			{Name: "hub", Registries: []string{"docker.io"}},
		},
		PullSecrets: entries,
	}
}

// logins gives the credentials of a spec's pull secrets, with one password for all.
func logins(s *spec.Spec, password string) map[string]Login {
	known := map[string]Login{}
	for i := range s.PullSecrets {
		for _, use := range s.SecretUses(i) {
			known[use.Path] = Login{Username: "robot$edge", Password: NewSecret(password)}
		}
	}
	return known
}

func TestPullSecrets(t *testing.T) {
	cluster := []Namespace{{Name: "default"}, {Name: "team-a", Labels: map[string]string{"site": "a"}}, {Name: "team-b", Labels: map[string]string{"site": "b"}}}
	both := []string{"harbor", "hub"}
	for _, test := range []struct {
		name    string
		entries []spec.PullSecret
		want    []string // ID, and the names that a service account is to refer to
		held    []string
	}{
		{"names and globs", []spec.PullSecret{{Name: "h", Credentials: both, Namespaces: []string{"default", "team-*", "nowhere"}}}, []string{"secret default/h", "secret team-a/h", "secret team-b/h"}, nil},
		{"labels", []spec.PullSecret{{Name: "h", Credentials: both, NamespaceSelector: &spec.LabelSelector{MatchLabels: map[string]string{"site": "a"}}}}, []string{"secret team-a/h"}, nil},
		{"an empty label is a label", []spec.PullSecret{{Name: "h", Credentials: both, NamespaceSelector: &spec.LabelSelector{MatchLabels: map[string]string{"site": ""}}}}, nil, nil},
		{
			"two for one service account",
			[]spec.PullSecret{
				{Name: "h", Credentials: both[:1], Namespaces: []string{"default"}, ServiceAccounts: []string{"default", "builder"}},
				{Name: "g", Credentials: both[1:], Namespaces: []string{"default"}, ServiceAccounts: []string{"default"}},
			},
			[]string{"secret default/h", "secret default/g", "serviceaccount default/default: h g", "serviceaccount default/builder: h"},
			nil,
		},
		{
			"a selector that finds the namespace of another entry",
			[]spec.PullSecret{
				{Name: "h", Credentials: both, Namespaces: []string{"team-a"}},
				{Name: "h", Credentials: both, NamespaceSelector: &spec.LabelSelector{MatchLabels: map[string]string{"site": "a"}}},
			},
			nil,
			[]string{"team-a/h"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := secretsSpec(test.entries...)
			resources, held := pullSecrets(s, Inputs{Namespaces: cluster, Credentials: logins(s, "pw")})
			var got []string
			for _, r := range resources {
				line := r.String()
				if r.Scope == Names {
					line += ": " + strings.Join(nameLines(r.Body), " ")
				}
				got = append(got, line)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("wanted are %q, want %q", got, test.want)
			}
			var stay []string
			for _, h := range held {
				stay = append(stay, h.Name)
			}
			if !slices.Equal(stay, test.held) {
				t.Errorf("held are %q, want %q", stay, test.held)
			}
		})
	}
}

// What kubelet reads is what kubectl create secret docker-registry writes (the field auth is user:password), and Docker Hub has the name that it
// has in Docker's config.
func TestDockerConfig(t *testing.T) {
	s := secretsSpec(spec.PullSecret{Name: "h", Credentials: []string{"harbor", "hub"}, Namespaces: []string{"default"}})
	resources, _ := pullSecrets(s, Inputs{Namespaces: []Namespace{{Name: "default"}}, Credentials: logins(s, `p"w<&`)})
	secret, err := DecodePullSecret(resources[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	if secret.ManagedBy != Ours || secret.Owner != "plant-7" || !resources[0].Sensitive {
		t.Errorf("managed by %q, of %q, sensitive: %v", secret.ManagedBy, secret.Owner, resources[0].Sensitive)
	}
	var config struct {
		Auths map[string]struct{ Username, Password, Auth string }
	}
	if err := json.Unmarshal(secret.Config, &config); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"harbor.corp:8443", "https://index.docker.io/v1/"} {
		if got := config.Auths[host]; got.Username != "robot$edge" || got.Password != `p"w<&` || got.Auth != "cm9ib3QkZWRnZTpwInc8Jg==" {
			t.Errorf("for %s it has %+v", host, got)
		}
	}
	if len(config.Auths) != 2 {
		t.Errorf("it has %d registries, want 2", len(config.Auths))
	}
}

// A credential that is not known holds back the secrets that need it, and no others.
func TestUnknownCredential(t *testing.T) {
	s := secretsSpec(
		spec.PullSecret{Name: "h", Credentials: []string{"harbor"}, Namespaces: []string{"*"}},
		spec.PullSecret{Name: "g", Credentials: []string{"hub"}, Namespaces: []string{"*"}},
	)
	known := logins(s, "pw")
	problem := &spec.Problem{Message: "no such file"}
	known[s.SecretUses(0)[0].Path] = Login{Problem: problem}
	resources, held := pullSecrets(s, Inputs{Namespaces: []Namespace{{Name: "a"}}, Credentials: known})
	if len(resources) != 1 || resources[0].Name != "a/g" {
		t.Errorf("wanted are %v, want a/g", resources)
	}
	if len(held) != 1 || held[0].Name != "a/h" || held[0].Problem != problem {
		t.Errorf("held are %v, want a/h", held)
	}
}

func TestKeeper(t *testing.T) {
	for _, test := range []struct {
		managedBy, owner string
		want             string
	}{
		{"", "", ""},
		{"regsync", "plant-7", Ours},
		{"regsync", "plant-8", "regsync of plant-8"},
		{"Helm", "", "helm"},
	} {
		data := PullSecret{ManagedBy: test.managedBy, Owner: test.owner, Config: []byte("{}")}.Encode()
		if got := Keeper(data, "plant-7"); got != test.want {
			t.Errorf("%q, %q: it is of %q, want %q", test.managedBy, test.owner, got, test.want)
		}
	}
	if got := Keeper([]byte("no JSON"), "plant-7"); got != "" {
		t.Errorf("what cannot be read is of %q", got)
	}
}

func TestReissued(t *testing.T) {
	secret := func(owner string, config string) []byte {
		return PullSecret{ManagedBy: Ours, Owner: owner, Config: []byte(config)}.Encode()
	}
	old := secret("a", `{"auths":{"h":{"username":"u","password":"p"},"https://index.docker.io/v1/":{"username":"u","password":"p"}}}`)
	for _, test := range []struct {
		name  string
		after []byte
		want  []string
	}{
		{"nothing", old, nil},
		{"one password", secret("a", `{"auths":{"h":{"username":"u","password":"q"},"https://index.docker.io/v1/":{"username":"u","password":"p"}}}`), []string{"h"}},
		{"both", secret("a", `{"auths":{"h":{"username":"v","password":"p"},"https://index.docker.io/v1/":{"username":"u","password":"q"}}}`), []string{"docker.io", "h"}},
		{"another registry", secret("a", `{"auths":{"g":{"username":"u","password":"p"},"https://index.docker.io/v1/":{"username":"u","password":"q"}}}`), nil},
		{"one less", secret("a", `{"auths":{"h":{"username":"u","password":"q"}}}`), nil},
		{"another owner too", secret("b", `{"auths":{"h":{"username":"u","password":"q"}}}`), nil},
		{"no config", secret("a", `x`), nil},
	} {
		if got := Reissued(old, test.after); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Ours are added and taken away, and the names of others stay, in their order.
func FuzzNames(f *testing.F) {
	f.Add("a\nb\n", "b\nc\n")
	f.Add("", "c\n")
	f.Add("a\n", "")
	f.Fuzz(func(t *testing.T, live, body string) {
		theirs := NameList(nameLines([]byte(live)))
		ours := NameList(nameLines([]byte(body)))
		next := proposeNames(theirs, ours)
		if again := proposeNames(next, ours); string(again) != string(next) {
			t.Fatalf("%q and then %q: proposing is not idempotent", next, again)
		}
		if !strings.HasPrefix(string(next), string(theirs)) {
			t.Fatalf("%q does not begin with %q", next, theirs)
		}
		if back := withdrawNames(next, theirs, ours); string(back) != string(theirs) {
			t.Fatalf("%q came back as %q", theirs, back)
		}
	})
}

func TestVerification(t *testing.T) {
	s := secretsSpec()
	s.Registries = []spec.Registry{{Host: "private.lab", Credentials: "harbor"}, {Host: "public.lab"}}
	want := []Resource{
		{ID: ID{Kind: KindImage, Name: "private.lab/a:1"}, Image: &Image{}},
		{ID: ID{Kind: KindImage, Name: "private.lab/b:1"}, Image: &Image{}},
		{ID: ID{Kind: KindImage, Name: "harbor.corp:8443/ours/c:1"}, Image: &Image{}},
		{ID: ID{Kind: KindImage, Name: "public.lab/d:1"}, Image: &Image{}},
		{ID: ID{Kind: KindFile, Name: "/etc/hosts"}},
	}
	secret := spec.PullSecret{Name: "h", Credentials: []string{"harbor"}, Namespaces: []string{"default"}}
	for _, test := range []struct {
		name    string
		v       Verification
		secrets []spec.PullSecret
		want    []string // images that are warned of
	}{
		{"not said", Verification{}, nil, nil},
		{"never", Verification{Policy: "NeverVerify"}, nil, nil},
		{"not of what is preloaded", Verification{Policy: "NeverVerifyPreloadedImages"}, nil, nil},
		{"always", Verification{Policy: "AlwaysVerify"}, nil, []string{"private.lab/a:1", "harbor.corp:8443/ours/c:1"}},
		{"with a pull secret", Verification{Policy: "AlwaysVerify"}, []spec.PullSecret{secret}, []string{"private.lab/a:1"}},
		{"some", Verification{Policy: "NeverVerifyAllowlistedImages", Allowed: []string{"private.lab/a", "harbor.corp:8443/ours/*"}}, nil, []string{"private.lab/b:1"}},
		{"none of these", Verification{Policy: "NeverVerifyAllowlistedImages", Allowed: []string{"private.lab"}}, nil, []string{"private.lab/a:1", "harbor.corp:8443/ours/c:1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.PullSecrets = test.secrets
			var got []string
			for _, p := range Unvouched(s, want, test.v) {
				_, rest, _ := strings.Cut(p.Message, `starts from "`)
				name, _, _ := strings.Cut(rest, `"`)
				got = append(got, name)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("warned of %q, want %q", got, test.want)
			}
		})
	}
}
