package cluster

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/render"
)

// plainly is a digest that hides nothing.
func plainly(password string) string { return password }

var configs = []struct {
	config string
	want   []render.FoundLogin
	err    string
}{
	{config: `{"auths":{"a.corp":{"auth":"dXNlcjpwYXNz"}}}`, want: []render.FoundLogin{{Registry: "a.corp", Username: "user", Digest: "pass"}}},
	{config: `{"auths":{"a.corp":{"username":"u","password":"p"}}}`, want: []render.FoundLogin{{Registry: "a.corp", Username: "u", Digest: "p"}}},
	// auth counts, and a password may have colons
	{config: `{"auths":{"a.corp":{"username":"u","password":"p","auth":"dTpwOnE="}}}`, want: []render.FoundLogin{{Registry: "a.corp", Username: "u", Digest: "p:q"}}},
	{config: `{"auths":{"a.corp":{"auth":"dTpwOnE"}}}`, want: []render.FoundLogin{{Registry: "a.corp", Username: "u", Digest: "p:q"}}},
	// the ways to name a registry
	{config: `{"auths":{"https://index.docker.io/v1/":{"username":"u","password":"p"},"https://b.corp:8443/v2/":{"username":"u","password":"p"},"http://c.corp/":{"username":"u","password":"p"}}}`, want: []render.FoundLogin{
		{Registry: "b.corp:8443", Username: "u", Digest: "p"}, {Registry: "c.corp", Username: "u", Digest: "p"}, {Registry: "docker.io", Username: "u", Digest: "p"},
	}},
	{config: `{"auths":{"docker.io":{"username":"u","password":"p"},"index.docker.io":{"username":"u","password":"p"}}}`, want: []render.FoundLogin{{Registry: "docker.io", Username: "u", Digest: "p"}}},

	{config: `{"auths":{"docker.io":{"username":"u","password":"p"},"index.docker.io":{"username":"u","password":"q"}}}`, err: "holds two logins for docker.io"},
	{config: `{"auths":{"a.corp/project":{"username":"u","password":"p"}}}`, err: `is for "a.corp/project", which is no registry by itself`},
	{config: `{"auths":{"*.corp":{"username":"u","password":"p"}}}`, err: `is for "*.corp", which is no registry by itself`},
	{config: `{"auths":{"a.corp":{"username":"u","identitytoken":"t0ken"}}}`, err: "holds a token for a.corp, and no password"},
	{config: `{"auths":{"a.corp":{"username":"u"}}}`, err: "holds no user name with a password for a.corp"},
	{config: `{"auths":{"a.corp":{"username":"a:b","password":"p"}}}`, err: "holds no user name with a password for a.corp"},
	{config: `{"auths":{"a.corp":{"auth":"!"}}}`, err: "holds no user name with a password for a.corp"},
	{config: `{"auths":{}}`, err: "holds no login"},
	{config: `{"auths":{"a.corp":"s3cret"}}`, err: "holds no Docker config that can be read"},
	{config: `s3cret`, err: "holds no Docker config that can be read"},
}

func TestLogins(t *testing.T) {
	for _, test := range configs {
		got, err := logins([]byte(test.config), plainly)
		if said := message(err); said != test.err {
			t.Errorf("%s: error %q, want %q", test.config, said, test.err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.config, diff)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// FuzzLogins: logins that were read, written in Docker's form, are read the same; none has an empty part.
func FuzzLogins(f *testing.F) {
	for _, test := range configs {
		f.Add(test.config)
	}
	f.Fuzz(func(t *testing.T, config string) {
		first, err := logins([]byte(config), plainly)
		if err != nil {
			return
		}
		auths := map[string]map[string]string{}
		for _, l := range first {
			if l.Registry == "" || l.Username == "" || l.Digest == "" || strings.Contains(l.Registry, "/") {
				t.Fatalf("%+v", l)
			}
			auths[l.Registry] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(l.Username + ":" + l.Digest))}
		}
		text, err := json.Marshal(map[string]any{"auths": auths})
		if err != nil {
			t.Fatal(err)
		}
		again, err := logins(text, plainly)
		if err != nil || !cmp.Equal(first, again) {
			t.Errorf("%v: %s", err, cmp.Diff(first, again))
		}
	})
}
