package view

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

var update = flag.Bool("update", false, "write the goldens anew")

// golden compares a text with a file in testdata. In coloured ones the escape character is shown as ␛.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, "\x1b", "␛")
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -update writes it anew:\n%s", name, diff.Diff(file, want, "got", []byte(got)))
	}
}

func change(a plan.Action, name, before, after, reason string) plan.Change {
	c := plan.Change{ID: render.ID{Kind: render.KindFile, Name: name}, Action: a, Reason: reason}
	if before != "" {
		c.Before = []byte(before)
	}
	if after != "" {
		c.After = []byte(after)
	}
	return c
}

// sample has every sort of thing that a plan can have.
func sample() plan.Plan {
	const certs = "/etc/containerd/certs.d/"
	p := plan.Plan{
		Changes: []plan.Change{
			change(plan.Create, certs+"a.example/hosts.toml", "", "server = \"https://a.example\"\n\n[host]\n", "registry a.example"),
			change(plan.Create, certs+"a.example/client-key.pem", "", "-----BEGIN PRIVATE KEY-----\n", "TLS, registry a.example"),
			change(plan.Adopt, certs+"docker.io/hosts.toml", "server = \"https://docker.io\"\n", "server = \"https://registry-1.docker.io\"\n", "takes over the stock file"),
			change(plan.Delete, certs+"old.example/hosts.toml", "[host]\n", "", "no longer in regsync.yaml"),
			change(plan.Forget, certs+"gone.example/hosts.toml", "x\n", "x\n", "no longer in regsync.yaml"),
			change(plan.Update, "/etc/hosts", "127.0.0.1 localhost\n", "127.0.0.1 localhost\n10.0.0.4 a.example\n", "differs: block of 1 line"),
			change(plan.Update, "/etc/containerd/config.toml",
				"[auth]\npassword = \"hunter2\"\n[x]\ny = 1\n", "[auth]\npassword = \"hunter2\"\n[x]\ny = 2\n", "no config_path"),
		},
		Effects: []plan.Effect{
			{Name: render.ReloadDocker, Reason: "dockerd has not loaded daemon.json", Disturbs: "No running container is touched.", Pending: true},
			{Name: render.RestartContainerd, Reason: "config.toml", Disturbs: "Running pods go on; pulls and new pods wait for some seconds."},
		},
		Conflicts: []plan.Conflict{
			{ID: render.ID{Kind: render.KindFile, Name: certs + "k3s.example/hosts.toml"}, Reason: "it is k3s's", Hint: "stop k3s from writing it"},
			{ID: render.ID{Kind: render.KindFile, Name: certs + "dir.example/hosts.toml"}, Reason: "is a directory"},
		},
		Warnings:  []*spec.Problem{{Position: spec.Position{File: "r.yaml", Line: 3, Col: 5}, Message: "something", Hint: "do this"}, {Message: "anything"}},
		Waiting:   []string{"no container runtime is on this node yet"},
		Unchanged: 14,
	}
	p.Changes[1].Sensitive = true
	p.Changes[5].Drift = true
	p.Changes[6].Effect = render.RestartContainerd
	return p
}

func TestPlanText(t *testing.T) {
	for name, color := range map[string]bool{"plan.txt": false, "plan-color.txt": true} {
		var b bytes.Buffer
		Text{W: &b, Color: color}.Plan(sample())
		golden(t, name, b.String())
	}
}

func TestPlanJSON(t *testing.T) {
	var b bytes.Buffer
	if err := PlanJSON(&b, sample()); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.json", b.String())
	b.Reset()
	if err := PlanJSON(&b, plan.Plan{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan-empty.json", b.String())
}

// TestNoSecretIsShown: neither view shows what a sensitive file holds, nor a password in somebody's config.
func TestNoSecretIsShown(t *testing.T) {
	var text, json bytes.Buffer
	Text{W: &text, All: true}.Plan(sample())
	if err := PlanJSON(&json, sample()); err != nil {
		t.Fatal(err)
	}
	for view, got := range map[string]string{"text": text.String(), "json": json.String()} {
		for _, secret := range []string{"PRIVATE KEY", "hunter2"} {
			if strings.Contains(got, secret) {
				t.Errorf("%s shows %q", view, secret)
			}
		}
	}
}

func TestMask(t *testing.T) {
	const secret = "s3cr3t"
	for _, line := range []string{
		`password = "` + secret + `"`,
		`password="` + secret + `"`,
		`password = '` + secret + `'`,
		`  auth = "` + secret + `" # comment`,
		`Authorization = ["Basic ` + secret + `"]`,
		`Authorization = "Bearer ` + secret + `"`,
		`"Proxy-Authorization" = ["Basic ` + secret + `", "x"]`,
		`Authorization = [` + "\n  \"" + secret + "\",\n]",
		`identitytoken = "` + secret + `"`,
		`registrytoken = "` + secret + `"`,
		`"auth": "` + secret + `",`,
		`"X-Api-Key" = "` + secret + `"`,
		`X-Auth-Token = ["` + secret + `"]`,
		`PRIVATE-TOKEN = "` + secret + `"`,
		`Cookie = "session=` + secret + `"`,
		`client_secret = "` + secret + `"`,
		`endpoint = ["https://me:` + secret + `@a.example"]`,
		`http-proxy = "http://` + secret + `@proxy"`,
		`password = "with \" quote ` + secret + `"`,
		`password = """` + "\n" + secret + "\n" + `"""`,
		`password = '''` + secret + `'''`,
	} {
		if got := Masked(line); strings.Contains(got, secret) || !strings.Contains(got, hidden) {
			t.Errorf("%s\nis shown as\n%s", line, got)
		}
	}
	for _, line := range []string{
		`server = "https://a.example"`, `config_path = "/etc/containerd/certs.d"`, `[plugins."x".registry.configs."h".auth]`,
		`10.0.0.4 auth.example token.example`, `# password of the registry`, `"insecure-registries": ["10.0.0.4:5000"]`, `author = "me"`,
		`capabilities = ["pull", "resolve"]`, `[host."http://10.0.0.4:5000/v2/secrets"]`,
	} {
		if got := Masked(line); got != line {
			t.Errorf("%s\nis shown as\n%s", line, got)
		}
	}
}

// TestTerminalIsNotSteered: what stands in somebody's file is shown, not obeyed.
func TestTerminalIsNotSteered(t *testing.T) {
	var b bytes.Buffer
	Text{W: &b}.Plan(plan.Plan{Changes: []plan.Change{change(plan.Update, "/a", "\x1b]0;pwned\a\x1b[2J\r\n\tü\x7f\n", "x\n", "why")}})
	if got := b.String(); !strings.Contains(got, "-^[]0;pwned^G^[[2J^M\n-\tü^?\n") {
		t.Errorf("shown as %q", got)
	}
}

func TestManyDiffs(t *testing.T) {
	var p plan.Plan
	for range shownDiffs + 3 {
		p.Changes = append(p.Changes, change(plan.Create, "/a", "", "text\n", "why"))
	}
	var b bytes.Buffer
	Text{W: &b}.Plan(p)
	if got := strings.Count(b.String(), "+++ "); got != shownDiffs || !strings.Contains(b.String(), "(3 more new or vanishing files; -v shows them)") {
		t.Errorf("%d diffs:\n%s", got, b.String())
	}
	b.Reset()
	Text{W: &b, All: true}.Plan(p)
	if got := strings.Count(b.String(), "+++ "); got != shownDiffs+3 {
		t.Errorf("%d diffs with -v", got)
	}
}

func TestSummary(t *testing.T) {
	one := func(a plan.Action) plan.Change { return plan.Change{Action: a} }
	for want, p := range map[string]plan.Plan{
		"Nothing to do; 3 unchanged.":         {Unchanged: 3},
		"Plan: no file changes; 3 unchanged.": {Unchanged: 3, Effects: []plan.Effect{{}}},
		"Plan: 2 to create, 1 to update, 1 to adopt, 1 to delete, 1 to forget; 0 unchanged.": {Changes: []plan.Change{
			one(plan.Forget), one(plan.Create), one(plan.Delete), one(plan.Create), one(plan.Adopt), one(plan.Update),
		}},
		"Plan: no file changes; 0 unchanged. 1 conflict, held back.":         {Conflicts: make([]plan.Conflict, 1)},
		"Plan: 1 to create; 0 unchanged. 2 conflicts: it cannot be applied.": {Changes: []plan.Change{one(plan.Create)}, Conflicts: []plan.Conflict{{}, {ID: render.ID{Kind: render.KindFile}}}},
	} {
		if got := Summary(p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := Applied(sample()); got != "Applied: 2 created, 2 updated, 1 adopted, 1 deleted, 1 forgotten, 14 unchanged." {
		t.Errorf("%q", got)
	}
}

func TestUseColor(t *testing.T) {
	for _, tt := range []struct {
		mode string
		env  string // NAME=VALUE …
		want bool
	}{
		{"always", "", true},
		{"always", "NO_COLOR=1 TERM=dumb", true},
		{"never", "FORCE_COLOR=1", false},
		{"auto", "", false}, // a buffer is no terminal
		{"auto", "FORCE_COLOR=1", true},
		{"auto", "NO_COLOR=1", false},
		{"auto", "NO_COLOR=1 FORCE_COLOR=1", false},
		{"auto", "NO_COLOR= FORCE_COLOR=1", true}, // empty is as good as not there: no-color.org
		{"auto", "TERM=dumb", false},
		{"auto", "TERM=dumb FORCE_COLOR=1", true},
		{"auto", "TERM=xterm", false},
	} {
		env := func(name string) string {
			for pair := range strings.FieldsSeq(tt.env) {
				if v, ok := strings.CutPrefix(pair, name+"="); ok {
					return v
				}
			}
			return ""
		}
		if got := UseColor(tt.mode, &bytes.Buffer{}, env); got != tt.want {
			t.Errorf("%s with %q: %v, want %v", tt.mode, tt.env, got, tt.want)
		}
	}
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if IsTerminal(file) || IsTerminal(nil) {
		t.Error("what is no terminal is said to be one")
	}
}

func TestEvents(t *testing.T) {
	var b bytes.Buffer
	c := change(plan.Create, "/a", "", "x", "why")
	e := plan.Effect{Name: render.ReloadDocker}
	for _, event := range []apply.Event{
		{Stage: apply.Wrote, Change: &c},
		{Stage: apply.Running, Effect: &e},
		{Stage: apply.Ran, Effect: &e},
		{Stage: apply.Skipped, Effect: &e},
		{Stage: apply.Unserved, Effect: &e, Err: errors.New("x")},
		{Stage: apply.Undoing, Err: errors.New("the CRI does not answer")},
	} {
		Event(&b, false, event, true)
	}
	golden(t, "events.txt", b.String())
	defer func() {
		if recover() == nil {
			t.Error("an unknown stage is shown")
		}
	}()
	Event(&b, false, apply.Event{Stage: "dreaming"}, true)
}

func TestProblems(t *testing.T) {
	at := spec.Position{File: "r.yaml", Line: 3, Col: 7}
	var many *multierror.Error
	many = multierror.Append(many, &spec.Problem{Position: at, Path: "mirrors[0]", Message: "is wrong", Hint: "do this"}, errors.New("plain"))
	many = multierror.Append(many, multierror.Append(nil, &spec.Problem{Message: "nested"}))
	for name, color := range map[string]bool{"problems.txt": false, "problems-color.txt": true} {
		var b bytes.Buffer
		Error(&b, color, many)
		Warnings(&b, color, []*spec.Problem{{Position: at, Message: "is odd", Hint: "look"}})
		Warning(&b, color, "beware")
		golden(t, name, b.String())
	}
	var b bytes.Buffer
	if err := ValidationJSON(&b, many, []*spec.Problem{{Position: at, Message: "is odd"}}); err != nil {
		t.Fatal(err)
	}
	golden(t, "validation.json", b.String())
	b.Reset()
	if err := ValidationJSON(&b, nil, nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "validation-clean.json", b.String())
}
