package credentials

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/docker/cli/cli/config/configfile"
	stored "github.com/docker/cli/cli/config/credentials"
	"github.com/docker/docker-credential-helpers/client"
	helpers "github.com/docker/docker-credential-helpers/credentials"

	"github.com/regsync/regsync/render"
)

// config is a config.json of Docker's, read once.
type config struct {
	file     *configfile.ConfigFile
	warnings []Warning
	err      error
}

// docker looks servers up as Docker does: by the helper of that server, else by the helper for all, else in the file. Docker's own
// GetAuthConfig is not used for it because it runs helpers with our standard error, and reads DOCKER_AUTH_CONFIG.
func (s *Sources) docker(ctx context.Context, name string, servers []string) (render.Login, []Warning, error) {
	c, ok := s.configs[name]
	if !ok {
		c = s.config(name)
		if s.configs == nil {
			s.configs = map[string]config{}
		}
		s.configs[name] = c
	}
	if c.err != nil {
		return render.Login{}, nil, c.err
	}
	for _, server := range known(servers) {
		login, err := s.lookUp(ctx, c.file, server)
		if errors.Is(err, errUnknown) {
			continue
		}
		if err != nil {
			err = fmt.Errorf("%q: %w", name, err)
		}
		return login, c.warnings, err
	}
	return render.Login{}, nil, &Error{
		Err: fmt.Errorf("%q has no credentials for %q", name, servers[0]), Hint: "log in: docker login " + servers[0],
	}
}

// config reads a config.json of Docker's.
func (s *Sources) config(name string) config {
	text, warnings, err := s.file("dockerConfig", name)
	if err != nil {
		return config{err: err}
	}
	c := config{file: configfile.New(name), warnings: warnings}
	if err := c.file.LoadFromReader(bytes.NewReader([]byte(text))); err != nil {
		// The parser's own words may quote the file.
		c.err = fmt.Errorf("%q is no config.json of Docker's", name)
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			c.err = fmt.Errorf("%q is no JSON from byte %d on", name, syntax.Offset)
		}
	}
	return c
}

// errUnknown says that nobody knows credentials for a server.
var errUnknown = errors.New("no credentials")

// errToken says that what was found is no password.
var errToken = &Error{
	Err:  errors.New("what it has is a token and no password, and containerd's hosts.toml has no place for tokens"),
	Hint: "log in with a user name and a password, or an access token in place of the password",
}

// lookUp looks one server up in a config.json.
func (s *Sources) lookUp(ctx context.Context, file *configfile.ConfigFile, server string) (render.Login, error) {
	helper, ok := file.CredentialHelpers[server]
	if !ok {
		helper = file.CredentialsStore
	}
	if helper != "" {
		return s.get(ctx, helper, server)
	}
	entry, ok := file.AuthConfigs[server]
	if !ok { // an entry may be a URL
		for _, name := range slices.Sorted(maps.Keys(file.AuthConfigs)) {
			if stored.ConvertToHostname(name) == server {
				entry, ok = file.AuthConfigs[name], true
				break
			}
		}
	}
	switch {
	case !ok:
		return render.Login{}, errUnknown
	case entry.IdentityToken != "", entry.RegistryToken != "":
		return render.Login{}, errToken
	case entry.Username == "" || entry.Password == "":
		return render.Login{}, errUnknown // what docker login leaves beside a store
	}
	return render.Login{Username: entry.Username, Password: render.NewSecret(entry.Password)}, nil
}

// helper asks docker-credential-NAME for one of servers.
func (s *Sources) helper(ctx context.Context, name string, servers []string) (render.Login, error) {
	for _, server := range known(servers) {
		login, err := s.get(ctx, name, server)
		if !errors.Is(err, errUnknown) {
			return login, err
		}
	}
	return render.Login{}, fmt.Errorf("docker-credential-%s has no credentials for %q", name, servers[0])
}

// get asks a helper for one server.
func (s *Sources) get(ctx context.Context, name, server string) (render.Login, error) {
	p := program{sources: s, ctx: ctx, name: "docker-credential-" + name}
	found, err := client.Get(func(args ...string) client.Program { p.args = args; return &p }, server)
	switch {
	case helpers.IsErrCredentialsNotFound(err):
		return render.Login{}, errUnknown
	case p.err != nil:
		return render.Login{}, p.err // the client's own error quotes what the program printed
	case err != nil:
		return render.Login{}, fmt.Errorf("docker-credential-%s: its answer is no JSON of user name and password", name)
	case found.Username == "<token>": // docker-credential-helpers' word for an identity token
		return render.Login{}, errToken
	case found.Username == "" || found.Secret == "":
		return render.Login{}, errUnknown
	}
	return render.Login{Username: found.Username, Password: render.NewSecret(found.Secret)}, nil
}

// program is a credential helper, as Docker's client of helpers runs it.
type program struct {
	sources *Sources
	ctx     context.Context //nolint:containedctx // the client hands none on
	name    string
	args    []string
	in      string
	err     error
}

func (p *program) Input(in io.Reader) {
	text, _ := io.ReadAll(in) // it is a string of the client's
	p.in = string(text)
}

func (p *program) Output() (out []byte, err error) {
	out, p.err = p.sources.ask(p.ctx, p.in, append([]string{p.name}, p.args...)...)
	return out, p.err
}
