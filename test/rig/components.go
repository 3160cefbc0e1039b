package rig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Containerd is one release of containerd, as a node may run it.
type Containerd struct {
	Name   string // as stories call it: 1.6, 1.7, 2.2
	module string // path of the Go module that it can be built from
	folder string // of the nested module that pins it, under test/components
}

// Releases are the releases of containerd that the suite knows, the oldest first.
var Releases = []Containerd{
	{"1.6", "github.com/containerd/containerd", "containerd16"},
	{"1.7", "github.com/containerd/containerd", "containerd17"},
	{"2.2", "github.com/containerd/containerd/v2", "containerd22"},
}

// Release returns the release of that name.
func Release(name string) (Containerd, error) {
	for _, release := range Releases {
		if release.Name == name {
			return release, nil
		}
	}
	return Containerd{}, fmt.Errorf("containerd %q: no such release in this rig", name)
}

// Path returns the absolute path of this release's program: the machine's own, if that is of this release (Debian's patched
// 1.6 is what many nodes run), else one built from the Go module, which takes a minute or two unless the cache has it.
func (c Containerd) Path(ctx context.Context) (string, error) { return c.program(ctx, "containerd") }

// Ctr returns the absolute path of this release's ctr, as Path does for containerd.
func (c Containerd) Ctr(ctx context.Context) (string, error) { return c.program(ctx, "ctr") }

func (c Containerd) program(ctx context.Context, name string) (string, error) {
	if program, err := exec.LookPath(name); err == nil && c.is(ctx, program) {
		return program, nil
	}
	root, err := sourceRoot()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(root, "test", "components", c.folder)
	version, err := required(filepath.Join(folder, "go.mod"), c.module)
	if err != nil {
		return "", err
	}
	program := filepath.Join(Cache(), "containerd-"+version, name)
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	set := "-s -w -X " + c.module + "/version.Version=" + version
	return program, goBuild(ctx, folder, program, set, c.module+"/cmd/"+name)
}

// is tells whether a program calls itself a containerd of this release.
func (c Containerd) is(ctx context.Context, program string) bool {
	// "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3", and the same of ctr
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	words := strings.Fields(string(out))
	return err == nil && len(words) > 2 && strings.HasPrefix(strings.TrimPrefix(words[2], "v"), c.Name+".")
}

// Cache returns the directory that keeps built components, one directory for each version of each.
func Cache() string {
	if dir := os.Getenv("REGSYNC_CACHE"); dir != "" {
		return dir
	}
	base, err := os.UserCacheDir() // heeds XDG_CACHE_HOME
	if err != nil {
		base = "/var/cache"
	}
	return filepath.Join(base, "regsync-components")
}

// goBuild builds a static program from a package of the module in folder. The result appears under its name whole or not
// at all, so two builds at a time do no harm.
func goBuild(ctx context.Context, folder, program, ldflags, pkg string) error {
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return err
	}
	torn := fmt.Sprintf("%s.%d", program, os.Getpid())
	defer os.Remove(torn)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", ldflags, "-o", torn, pkg)
	build.Dir = folder
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %q in %q: %w: %s", pkg, folder, err, out)
	}
	return os.Rename(torn, program)
}

// Regsync returns the program under test: that of $REGSYNC, else ./cmd/regsync built into dir.
func Regsync(ctx context.Context, dir string) (string, error) {
	if program := os.Getenv("REGSYNC"); program != "" {
		return filepath.Abs(program)
	}
	root, err := sourceRoot()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(root, "cmd", "regsync", "main.go")); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "regsync")
	return program, goBuild(ctx, root, program, "-s -w", "./cmd/regsync")
}

// sourceRoot is the root of this source tree, looked for from the working directory upwards.
func sourceRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "test", "components")); err == nil {
			return dir, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("looking for the source tree: no test/components above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// required returns the version, without its v, that a go.mod requires of a module.
func required(gomod, module string) (string, error) {
	text, err := os.ReadFile(gomod)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(words) >= 2 && words[0] == module {
			return strings.TrimPrefix(words[1], "v"), nil
		}
	}
	return "", fmt.Errorf("reading %q: %q is not required", gomod, module)
}
