package credentials

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

func auth(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// said is a helper that knows one server.
func said(server, user, password string) string {
	return fmt.Sprintf(`read server
test "$1" = get || exit 9
if test "$server" = %q; then echo '{"ServerURL":"x","Username":%q,"Secret":%q}'; exit 0; fi
echo credentials not found in native keychain; exit 1
`, server, user, password)
}

func TestDocker(t *testing.T) {
	file := func(text string) string {
		return strings.NewReplacer("AUTH", auth("u", planted), "COLON", auth("", "a:b")).Replace(text)
	}
	s := sources(t, map[string]string{}, map[string]string{
		"plain":  file(`{"auths": {"harbor.corp:8443": {"auth": "AUTH"}, "https://index.docker.io/v1/": {"auth": "AUTH"}, "https://old.corp/v1/": {"auth": "AUTH"}, "10.0.0.9:5000": {"auth": "AUTH"}, "parts.corp": {"username": "u", "password": "` + planted + `"}}}`),
		"short":  file(`{"auths": {"docker.io": {"auth": "AUTH"}}}`),
		"tokens": file(`{"auths": {"a.corp": {"auth": "AUTH", "identitytoken": "` + planted + `"}, "b.corp": {"registrytoken": "` + planted + `"}}}`),
		"store":  file(`{"auths": {"a.corp": {}, "b.corp": {"auth": "AUTH"}}, "credsStore": "store", "credHelpers": {"c.corp": "only", "d.corp": "none-such"}}`),
		"empty":  `{}`,
		"torn":   `{"auths": {"a.corp": {"auth": "` + planted,
		"number": `{"auths": 17` + `}`,
		"base64": `{"auths": {"a.corp": {"auth": "` + planted + `"}}}`,

		"docker-credential-store":  said("a.corp", "u", planted),
		"docker-credential-only":   said("c.corp", "v", planted+"2"),
		"docker-credential-hub":    said("https://index.docker.io/v1/", "u", planted),
		"docker-credential-token":  said("a.corp", "<token>", planted),
		"docker-credential-colon":  said("a.corp", "a:b", planted),
		"docker-credential-odd":    "echo not JSON: " + planted,
		"docker-credential-broken": "echo " + planted + "; echo locked " + planted + " >&2; exit 7",
	})
	const none = `"empty" has no credentials for "a.corp"`
	for _, test := range []struct {
		file, helper string
		servers      string
		user         string
		password     string
		err          string
	}{
		{file: "plain", servers: "harbor.corp:8443", user: "u", password: planted},
		{file: "plain", servers: "docker.io", user: "u", password: planted},
		{file: "plain", servers: "registry-1.docker.io", user: "u", password: planted},
		{file: "plain", servers: "old.corp", user: "u", password: planted},
		{file: "plain", servers: "parts.corp", user: "u", password: planted},
		{file: "plain", servers: "harbor.corp", err: `"plain" has no credentials for "harbor.corp"`},
		{file: "plain", servers: "harbor.lab 10.0.0.9:5000", user: "u", password: planted}, // as it is really called
		{file: "short", servers: "docker.io", user: "u", password: planted},
		{file: "tokens", servers: "a.corp", err: `"tokens": ` + errToken.Error()},
		{file: "tokens", servers: "b.corp", err: `"tokens": ` + errToken.Error()},
		{file: "store", servers: "a.corp", user: "u", password: planted},
		{file: "store", servers: "b.corp", err: `"store" has no credentials for "b.corp"`}, // the store counts, as for Docker
		{file: "store", servers: "c.corp", user: "v", password: planted + "2"},
		{file: "store", servers: "d.corp", err: `"store": running "docker-credential-none-such": executable file not found in $PATH`},
		{file: "empty", servers: "a.corp", err: none},
		{file: "torn", servers: "a.corp", err: `"torn" is no config.json of Docker's`},
		{file: "number", servers: "a.corp", err: `"number" is no config.json of Docker's`},
		{file: "base64", servers: "a.corp", err: `"base64" is no config.json of Docker's`},
		{file: "none", servers: "a.corp", err: `reading "none": no such file or directory`},

		{helper: "hub", servers: "docker.io", user: "u", password: planted},
		{helper: "store", servers: "b.corp", err: `docker-credential-store has no credentials for "b.corp"`},
		{helper: "store", servers: "b.corp a.corp", user: "u", password: planted},
		{helper: "token", servers: "a.corp", err: errToken.Error()},
		{helper: "colon", servers: "a.corp", err: "the user name has a colon, which ends it in basic authentication"},
		{helper: "odd", servers: "a.corp", err: "docker-credential-odd: its answer is no JSON of user name and password"},
		{helper: "broken", servers: "a.corp", err: `running "docker-credential-broken": exit status 7: locked (sensitive)`},
	} {
		c := &spec.Credential{Name: "c", DockerConfig: test.file, Helper: test.helper}
		user, password, problem := ask(t, s, c, strings.Fields(test.servers)...)
		if user != test.user || password != test.password || problem != test.err {
			t.Errorf("%s%s, %s: %q %q, error %q; want %q %q, error %q", test.file, test.helper, test.servers, user, password, problem, test.user, test.password, test.err)
		}
	}
}
