package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/regsync/regsync/render"
)

// Validate reports why dockerd would refuse data as its daemon.json. The rules that hold for every dockerd are applied always; where
// the node's own one can be run and is 23.0 or later, it is asked too, and may then know keys and allow mirrors that others do not.
func (d Daemon) Validate(ctx context.Context, data []byte) error {
	err := render.CheckDaemonJSON(data)
	var path *render.MirrorPath
	if err != nil && !errors.As(err, &path) {
		return err
	}
	asked, refusal := d.ask(ctx, data)
	if asked {
		return refusal
	}
	return errors.Join(err, refusal)
}

// ask lets dockerd itself judge data. asked is false where that cannot be.
func (d Daemon) ask(ctx context.Context, data []byte) (asked bool, err error) {
	program := d.program()
	if program == "" {
		return false, nil
	}
	f, err := os.CreateTemp("", "regsync-daemon-*.json")
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	out, err := exec.CommandContext(ctx, program, "--validate", "--config-file", f.Name()).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, fmt.Errorf("asking %q about %q: %w", program, d.configFile(), ctx.Err())
	case !errors.As(err, &exit):
		return false, nil // it cannot be run here
	case bytes.Contains(out, []byte("unknown flag: --validate")):
		return false, nil // before 23.0
	}
	said := strings.ReplaceAll(strings.TrimSpace(string(out)), f.Name(), d.configFile())
	return true, fmt.Errorf("%q refuses %q: %s", program, d.configFile(), said)
}

// program is the dockerd to be run; empty where there is none. That of another root is not run: it may need what stands there.
func (d Daemon) program() string {
	switch {
	case d.Program != "":
		return d.Program
	case d.Root != "" && d.Root != "/":
		return ""
	}
	i := slices.IndexFunc(programs, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
	})
	if i < 0 {
		return ""
	}
	return programs[i]
}
