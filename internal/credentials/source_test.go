package credentials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

// planted is a password that must show nowhere.
const planted = "pl4nted-hunter2-0815"

// sources are those of a machine with these files, by name, and this environment.
func sources(t *testing.T, env map[string]string, files map[string]string) *Sources {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		mode := fs.FileMode(0o600)
		if strings.HasPrefix(filepath.Base(name), "docker-credential-") {
			mode, text = 0o700, "#!/bin/sh\n"+text
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return &Sources{
		Env: func(name string) string { return strings.ReplaceAll(env[name], "DIR", dir) },
		Read: func(name string) ([]byte, fs.FileMode, error) {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return nil, 0, err
			}
			info, err := os.Stat(filepath.Join(dir, name))
			return data, info.Mode(), err
		},
	}
}

// ask gives user and password of a credential, or why there are none.
func ask(t *testing.T, s *Sources, c *spec.Credential, servers ...string) (user, password, problem string) {
	t.Helper()
	login, warnings, err := s.Login(t.Context(), c, servers)
	for _, w := range warnings {
		if w.Key == "" || w.Message == "" {
			t.Errorf("warning %+v", w)
		}
	}
	if err != nil {
		e := (*Error)(nil)
		if !errors.As(err, &e) || e.Key == "" {
			t.Errorf("the error is a %T: %v", err, err)
		}
		if shown := fmt.Sprintf("%v %+v %#v %s", err, e, e, e.Hint); strings.Contains(shown, planted) {
			t.Errorf("the error shows the password: %s", shown)
		}
		return "", "", err.Error()
	}
	return login.Username, login.Password.Reveal(), ""
}

func TestPassword(t *testing.T) {
	s := sources(t, map[string]string{"PASSWORD": planted, "EMPTY": "", "CREDENTIALS_DIRECTORY": "DIR/units"}, map[string]string{
		"one":        planted,
		"two":        planted + "\n",
		"dos":        planted + "\r\n",
		"blank":      " a b \n",
		"lines":      "{\n\"key\": 1\n}\n",
		"empty":      "\n",
		"long":       strings.Repeat("x", maxSecret+1),
		"units/unit": planted + "\n",
	})
	sh := func(script string) spec.Secret { return spec.Secret{Command: []string{"sh", "-c", script}} }
	for _, test := range []struct {
		from spec.Secret
		want string
		err  string
	}{
		{spec.Secret{File: "one"}, planted, ""},
		{spec.Secret{File: "two"}, planted, ""},
		{spec.Secret{File: "dos"}, planted, ""},
		{spec.Secret{File: "blank"}, " a b ", ""},
		{spec.Secret{File: "lines"}, "{\n\"key\": 1\n}", ""},
		{spec.Secret{File: "empty"}, "", "the password is empty"},
		{spec.Secret{File: "long"}, "", "32769 bytes are no password"},
		{spec.Secret{File: "none"}, "", `reading "none": no such file or directory`},
		{spec.Secret{Env: "PASSWORD"}, planted, ""},
		{spec.Secret{Env: "EMPTY"}, "", "the environment variable EMPTY is not set, or is empty"},
		{spec.Secret{Systemd: "unit"}, planted, ""},
		{spec.Secret{Systemd: "none"}, "", `reading the systemd credential "none": no such file or directory`},
		{spec.Secret{Command: []string{"printf", "%s\n", planted}}, planted, ""},
		{spec.Secret{Command: []string{"printf", "$HOME; `id`"}}, "$HOME; `id`", ""}, // no shell looks at it
		{sh("cat; echo $PATH | grep -q . && echo " + planted), planted, ""},          // standard input is empty, the environment is ours
		{sh("true"), "", "the password is empty"},
		{sh("head -c 40000 /dev/zero"), "", `running "sh": it printed more than 32768 bytes`},
		{sh("echo " + planted + "; exit 3"), "", `running "sh": exit status 3`},
		{sh("echo no such key >&2; echo '  really' >&2; exit 1"), "", `running "sh": exit status 1: no such key;   really`},
		{sh("echo " + planted + "; echo refused: " + planted + " >&2; exit 1"), "", `running "sh": exit status 1: refused: (sensitive)`},
		{sh("echo '{\"Secret\":\"" + planted + "\"}'; echo refused: " + planted + " >&2; exit 1"), "", `running "sh": exit status 1: refused: (sensitive)`},
		{sh("printf '\\033[31mred\\n' >&2; exit 1"), "", `running "sh": exit status 1:  [31mred`},
		{sh("kill -9 $$"), "", `running "sh": signal: killed`},
		{spec.Secret{Command: []string{"no-such-program"}}, "", `running "no-such-program": executable file not found in $PATH`},
	} {
		c := &spec.Credential{Name: "c", Username: "u", Password: &test.from}
		user, password, problem := ask(t, s, c)
		if problem != test.err || password != test.want || problem == "" && user != "u" {
			t.Errorf("%+v: %q %q, error %q; want %q, error %q", test.from, user, password, problem, test.want, test.err)
		}
	}
}

func TestNoSystemd(t *testing.T) {
	s := sources(t, nil, nil)
	_, _, err := s.Login(t.Context(), &spec.Credential{Password: &spec.Secret{Systemd: "harbor"}}, nil)
	if e := (*Error)(nil); !errors.As(err, &e) || e.Hint != "start regsync from a unit that says LoadCredential=harbor:PATH" {
		t.Errorf("error %v", err)
	}
}

// TestTail: of a long complaint the end is shown, whole words of it.
func TestTail(t *testing.T) {
	s := sources(t, nil, nil)
	_, _, problem := ask(t, s, &spec.Credential{Password: &spec.Secret{Command: []string{"sh", "-c", "yes begin | head -c 5000 >&2; echo the end >&2; exit 1"}}})
	if len(problem) > tail+60 || !strings.HasSuffix(problem, "the end") || !strings.Contains(problem, "…") {
		t.Errorf("error %q", problem)
	}
	for size := maxSecret - 30; size < maxSecret+30; size++ {
		var out, complaint bounded
		fmt.Fprint(&out, planted)
		fmt.Fprintf(&complaint, "%s %s", strings.Repeat("x", size), planted)
		if text := last(&complaint, &out); strings.Contains(text, planted[:4]) {
			t.Fatalf("the complaint shows a part of what was printed: %s", text)
		}
	}
}

// TestOnce: what was asked for is not asked again, and a failure neither.
func TestOnce(t *testing.T) {
	s := sources(t, nil, nil)
	count := filepath.Join(t.TempDir(), "count")
	c := &spec.Credential{Username: "u", Password: &spec.Secret{Command: []string{"sh", "-c", "echo asked >> " + count + "; exit 1"}}}
	for range 3 {
		if _, _, problem := ask(t, s, c, "a"); problem == "" {
			t.Error("no error")
		}
	}
	if data, err := os.ReadFile(count); err != nil || string(data) != "asked\n" {
		t.Errorf("it was asked so often: %q, %v", data, err)
	}
}

// TestCut: who is cut off says so, and leaves nobody behind.
func TestCut(t *testing.T) {
	s := sources(t, nil, nil)
	pid := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	fifo := filepath.Join(t.TempDir(), "started")
	c := &spec.Credential{Password: &spec.Secret{Command: []string{"sh", "-c", "sleep 600 & echo $! > " + pid + "; echo > " + fifo + "; wait"}}}
	makeFifo(t, fifo)
	go func() {
		_, _ = os.ReadFile(fifo) // until it has started
		cancel(cause)
	}()
	if _, _, err := s.Login(ctx, c, nil); !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
	gone(t, pid)
}

// TestReadable: a file that everybody may read is said, and read all the same.
func TestReadable(t *testing.T) {
	for mode, want := range map[fs.FileMode]int{0o600: 0, 0o640: 0, 0o644: 1, 0o604: 1} {
		s := &Sources{Read: func(string) ([]byte, fs.FileMode, error) {
			return []byte(`{"auths": {"a.corp": {"auth": "` + auth("u", planted) + `"}}}`), mode, nil
		}}
		for key, c := range map[string]*spec.Credential{
			"password.file": {Username: "u", Password: &spec.Secret{File: "/secret"}},
			"dockerConfig":  {DockerConfig: "/secret"},
		} {
			for range 2 {
				_, warnings, err := s.Login(t.Context(), c, []string{"a.corp"})
				if err != nil || len(warnings) != want || want == 1 && warnings[0].Key != key {
					t.Errorf("%s, %04o: warnings %+v, error %v", key, mode, warnings, err)
				}
			}
		}
	}
}
