package credentials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// Sources are the places that credentials come from. Each is asked once in a run.
type Sources struct {
	// Read reads a file that the spec names, with its permissions. The error of one that is not there is fs.ErrNotExist.
	Read func(name string) ([]byte, fs.FileMode, error)

	// Env gives a variable of the environment; empty where it is not set.
	Env func(name string) string

	// Answers are what programs have said before; nil: each is asked.
	Answers *Answers

	// Timeout is what a program is given; 0: 30 seconds.
	Timeout time.Duration

	secrets map[*spec.Secret]secret
	configs map[string]config
}

// maxSecret bounds what is taken for a secret, in bytes. Tokens have some thousand; containerd could send no more in a header.
const maxSecret = 32 << 10

// Error is why a credential cannot be had.
type Error struct {
	Key  string // of the credential, that it concerns: "password.file"
	Err  error
	Hint string
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// secret is what a source gave.
type secret struct {
	value    string
	warnings []Warning
	err      error
}

// Warning is something about a source that is not well, though it gave what was asked of it.
type Warning struct {
	Key     string // as in [Error]
	Message string
	Hint    string
}

// Login gives what a credential is for a registry that may be known by the names of servers, the likeliest first. The error is an
// *Error, or that of ctx.
func (s *Sources) Login(ctx context.Context, c *spec.Credential, servers []string) (render.Login, []Warning, error) {
	if c.DockerConfig != "" {
		login, warnings, err := s.docker(ctx, c.DockerConfig, servers)
		return login, warnings, located(ctx, "dockerConfig", errors.Join(err, colon(login)))
	}
	if c.Helper != "" {
		login, err := s.helper(ctx, c.Helper, servers)
		return login, nil, located(ctx, "helper", errors.Join(err, colon(login)))
	}
	found, ok := s.secrets[c.Password]
	if !ok {
		found = s.secret(ctx, c.Password)
		if s.secrets == nil {
			s.secrets = map[*spec.Secret]secret{}
		}
		s.secrets[c.Password] = found
	}
	return render.Login{Username: c.Username, Password: render.NewSecret(found.value)}, found.warnings, found.err
}

// colon refuses a user name that basic authentication would cut short.
func colon(l render.Login) error {
	if strings.Contains(l.Username, ":") {
		return errors.New("the user name has a colon, which ends it in basic authentication")
	}
	return nil
}

// secret asks the source of a password.
func (s *Sources) secret(ctx context.Context, from *spec.Secret) (found secret) {
	var key string
	var err error
	switch {
	case from.File != "":
		key = "password.file"
		found.value, found.warnings, err = s.file(key, from.File)
	case from.Env != "":
		key = "password.env"
		if found.value = s.Env(from.Env); found.value == "" {
			err = fmt.Errorf("the environment variable %s is not set, or is empty", from.Env)
		}
	case from.Command != nil:
		key = "password.command"
		found.value, err = s.command(ctx, from.Command)
	default:
		key = "password.systemd"
		found.value, err = s.systemd(from.Systemd)
	}
	if err == nil {
		found.value = strings.TrimRight(found.value, "\r\n")
		switch {
		case found.value == "":
			err = errors.New("the password is empty")
		case len(found.value) > maxSecret:
			err = fmt.Errorf("%d bytes are no password", len(found.value))
		}
	}
	if err != nil {
		return secret{err: located(ctx, key, err)}
	}
	return found
}

// file reads a file that holds a secret.
func (s *Sources) file(key, name string) (string, []Warning, error) {
	data, mode, err := s.Read(name)
	if err != nil {
		return "", nil, fmt.Errorf("reading %q: %w", name, cause(err))
	}
	return string(data), open(key, name, mode), nil
}

// open warns of a file with secrets that everybody may read.
func open(key, name string, mode fs.FileMode) []Warning {
	if mode&0o004 == 0 {
		return nil
	}
	return []Warning{{key, fmt.Sprintf("%q is readable by everybody on the node (%04o)", name, mode.Perm()), "chmod 600 " + name}}
}

// systemd reads a credential that systemd has put ready for the unit that we run in (systemd.exec(5), LoadCredential=).
func (s *Sources) systemd(name string) (string, error) {
	dir := s.Env("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", &Error{
			Err:  fmt.Errorf("there is no systemd credential %q: CREDENTIALS_DIRECTORY is not set", name),
			Hint: "start regsync from a unit that says LoadCredential=" + name + ":PATH",
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return "", fmt.Errorf("reading the systemd credential %q: %w", name, cause(err))
	}
	return string(data), nil
}

// located gives an error the key that it concerns. That of ctx stays as it is.
func located(ctx context.Context, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return &Error{Key: key, Err: err, Hint: e.Hint}
	}
	return &Error{Key: key, Err: err}
}

// cause is an error of a file without the path, which stands beside it already.
func cause(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	return err
}

// hub are the names by which Docker's config and its helpers may know Docker Hub. docker login stores the first.
var hub = []string{"https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"}

// known gives the names under which credentials for servers may be kept, the likeliest first.
func known(servers []string) []string {
	var names []string
	for _, server := range servers {
		server = strings.TrimSuffix(server, ":443")
		if slices.Contains(hub, server) {
			names = append(names, hub...)
			continue
		}
		names = append(names, server)
	}
	return names
}
