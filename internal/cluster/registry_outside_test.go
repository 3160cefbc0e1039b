package cluster

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

// In a sandbox that lets nobody gain privileges, systemd is asked to start the command; elsewhere, and where there is no systemd, we start it.
func TestOutside(t *testing.T) {
	if !rig.Isolated(t) {
		return
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		rig.Missing(t, "setpriv", err.Error())
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	confined := func() string {
		cmd := exec.Command(setpriv, "--no-new-privs", self)
		cmd.Env = append(os.Environ(), "SHOW_OUTSIDE=yes")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if err := os.RemoveAll("/run/systemd"); err != nil {
		t.Fatal(err)
	}
	if got := confined(); got != "microk8s enable" {
		t.Errorf("without systemd: %q", got)
	}
	if err := os.MkdirAll("/run/systemd/system", 0o755); err != nil {
		t.Fatal(err)
	}
	if got := confined(); !strings.HasPrefix(got, "systemd-run --quiet --collect --wait --pipe ") || !strings.HasSuffix(got, " -- microk8s enable") {
		t.Errorf("in a sandbox: %q", got)
	}
	if got := strings.Join(outside([]string{"microk8s", "enable"}), " "); got != "microk8s enable" {
		t.Errorf("in none: %q", got)
	}
}
