package watch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every line is something that happens in a directory, and whether it wakes. $ is the directory; the paths that are watched are $/spec.yaml, $/drop (a directory),
// $/volume/spec.yaml (a ConfigMap's) and $/snap/current/args/template.
func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, dir string)
		want string // the path, without the directory; empty: none
	}{
		{"written", func(t *testing.T, dir string) { write(t, dir+"/spec.yaml", "new") }, "/spec.yaml"},
		{"renamed over", func(t *testing.T, dir string) {
			write(t, dir+"/other", "new")
			rename(t, dir+"/other", dir+"/spec.yaml")
		}, "/spec.yaml"},
		{"removed", func(t *testing.T, dir string) { remove(t, dir+"/spec.yaml") }, "/spec.yaml"},
		{"mode", func(t *testing.T, dir string) { ok(t, os.Chmod(dir+"/spec.yaml", 0o666)) }, "/spec.yaml"},
		{"its directory gone and back", func(t *testing.T, dir string) {
			rename(t, dir+"/snap", dir+"/away")
			ok(t, os.MkdirAll(dir+"/snap/current/args", 0o755))
			write(t, dir+"/snap/current/args/template", "")
		}, "/snap/current/args/template"},
		{"another file", func(t *testing.T, dir string) { write(t, dir+"/other", "") }, ""},
		{"a new entry", func(t *testing.T, dir string) { write(t, dir+"/drop/b.yaml", "") }, "/drop"},
		{"the directory", func(t *testing.T, dir string) { rename(t, dir+"/drop", dir+"/away") }, "/drop"},
		{"..data", func(t *testing.T, dir string) {
			ok(t, os.Mkdir(dir+"/volume/..2", 0o755))
			write(t, dir+"/volume/..2/spec.yaml", "new")
			link(t, "..2", dir+"/volume/..data_tmp")
			rename(t, dir+"/volume/..data_tmp", dir+"/volume/..data")
		}, "/volume/spec.yaml"},
		{"current", func(t *testing.T, dir string) {
			ok(t, os.MkdirAll(dir+"/snap/2/args", 0o755))
			link(t, "2", dir+"/snap/next")
			rename(t, dir+"/snap/next", dir+"/snap/current")
		}, "/snap/current/args/template"},
		{"not there yet", func(t *testing.T, dir string) {
			ok(t, os.MkdirAll(dir+"/later/a", 0o755))
		}, "/later/a/b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := node(t)
			var bell Bell
			f, err := NewFiles(&bell)
			ok(t, err)
			defer f.Close()
			ok(t, f.Set([]string{
				dir + "/spec.yaml", dir + "/drop", dir + "/volume/spec.yaml", dir + "/snap/current/args/template", dir + "/later/a/b", dir + "/end",
			}))
			tt.do(t, dir)
			write(t, dir+"/end", "") // events come in their order
			var causes []string
			for {
				await(t, &bell)
				causes = append(causes, bell.Answer()...)
				if causes[len(causes)-1] == dir+"/end" {
					break
				}
			}
			got := strings.TrimPrefix(causes[0], dir)
			if got == "/end" {
				got = ""
			}
			if got != tt.want {
				t.Errorf("woken by %q, want %q", causes, tt.want)
			}
		})
	}
}

// What happens in a place to which a link leads only since an event wakes too.
func TestFilesFollow(t *testing.T) {
	dir := node(t)
	var bell Bell
	f, err := NewFiles(&bell)
	ok(t, err)
	defer f.Close()
	ok(t, f.Set([]string{dir + "/snap/current/args/template"}))
	ok(t, os.MkdirAll(dir+"/snap/2/args", 0o755))
	write(t, dir+"/snap/2/args/template", "")
	link(t, "2", dir+"/snap/next")
	rename(t, dir+"/snap/next", dir+"/snap/current")
	await(t, &bell)
	bell.Answer()
	write(t, dir+"/snap/1/args/template", "the old one")
	write(t, dir+"/snap/2/args/template", "the new one")
	await(t, &bell)
	if got := bell.Answer(); len(got) != 1 {
		t.Errorf("woken by %q", got)
	}
}

func await(t *testing.T, bell *Bell) {
	t.Helper()
	select {
	case <-bell.Rung():
	case <-time.After(10 * time.Second):
		t.Fatal("nobody rang")
	}
}

// node makes what TestFiles watches.
func node(t *testing.T) string {
	dir := t.TempDir()
	for _, d := range []string{"drop", "volume/..1", "snap/1/args"} {
		ok(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	for _, f := range []string{"spec.yaml", "drop/a.yaml", "volume/..1/spec.yaml", "snap/1/args/template"} {
		write(t, filepath.Join(dir, f), "")
	}
	link(t, "..1", dir+"/volume/..data")
	link(t, "..data/spec.yaml", dir+"/volume/spec.yaml")
	link(t, "1", dir+"/snap/current")
	return dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	ok(t, os.WriteFile(name, []byte(text), 0o644))
}
func rename(t *testing.T, from, to string)   { t.Helper(); ok(t, os.Rename(from, to)) }
func remove(t *testing.T, name string)       { t.Helper(); ok(t, os.Remove(name)) }
func link(t *testing.T, target, name string) { t.Helper(); ok(t, os.Symlink(target, name)) }

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
