package test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

// TestWatchCluster: what somebody does to the cluster's objects is put right at once. The next look by itself is an hour away.
func TestWatchCluster(t *testing.T) {
	program := regsync(t)
	if _, err := rig.FindKube(); err != nil {
		rig.Missing(t, "kube", err.Error())
	}
	if !rig.Isolated(t) {
		return
	}
	w := &watchWorld{t: t, dir: t.TempDir()}
	var err error
	w.kube, err = rig.StartKube(t.Context(), t.TempDir(), kubeAddress)
	w.check(err)
	t.Cleanup(w.kube.Stop)
	w.check(rig.LayMicroK8s("/", "stock"))
	config, err := w.kube.Kubeconfig(t.Context(), "admin")
	w.check(err)
	w.check(os.WriteFile(filepath.Join(w.dir, "role.conf"), config, 0o600))
	spec := filepath.Join(w.dir, "regsync.yaml")
	w.check(os.WriteFile(spec, []byte(strings.ReplaceAll(roleSpec("one"), "DIR", w.dir)), 0o600))
	w.watch(program, "-f", spec, "--resync", "1h")

	const named = "default/named"
	w.check(w.kube.Await(t.Context(), "secret", named, "", ""))
	text, err := w.kube.Get(t.Context(), "secret", named)
	w.check(err)
	login, err := rig.Field(text, "/data/.dockerconfigjson")
	w.check(err)
	w.await("serviceaccount", "default/default", "/imagePullSecrets/0/name", "named")

	const at = "/api/v1/namespaces/default/"
	edit := func() {
		w.do(http.MethodPatch, at+"secrets/named", map[string]any{"stringData": map[string]any{".dockerconfigjson": "{\"auths\":{}}"}})
		w.await("secret", named, "/data/.dockerconfigjson", login)
	}
	edit()
	w.do(http.MethodDelete, at+"secrets/named", nil)
	w.await("secret", named, "/data/.dockerconfigjson", login)
	w.do(http.MethodPatch, at+"serviceaccounts/default", map[string]any{"imagePullSecrets": []any{}})
	w.await("serviceaccount", "default/default", "/imagePullSecrets/0/name", "named")
	w.do(http.MethodPost, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"name": "team-z"}})
	w.await("secret", "team-z/globbed", "/data/.dockerconfigjson", login)
	w.kube.Kill()
	w.check(w.kube.StartAPIServer(t.Context()))
	edit()
	if log := w.log.String(); strings.Contains(log, "cGFzc") || strings.Contains(log, login) {
		t.Errorf("the log tells a password:\n%s", log)
	}
}

// watchWorld is a cluster, and a node on which regsync watch runs.
type watchWorld struct {
	t    *testing.T
	dir  string
	kube *rig.Kube
	log  bytes.Buffer
}

func (w *watchWorld) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *watchWorld) do(method, path string, body any) {
	w.t.Helper()
	_, err := w.kube.Do(w.t.Context(), method, path, body)
	w.check(err)
}

func (w *watchWorld) await(kind, name, pointer, value string) {
	w.t.Helper()
	w.check(w.kube.Await(w.t.Context(), kind, name, pointer, value))
}

// watch runs regsync watch until the test ends. Then it has to end too: by itself, or because it was interrupted in the middle of a look.
func (w *watchWorld) watch(program string, args ...string) {
	cmd := exec.Command(program, append([]string{"watch"}, args...)...)
	cmd.Stdout, cmd.Stderr = &w.log, &w.log
	w.check(cmd.Start())
	w.t.Cleanup(func() {
		err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
		if code := cmd.ProcessState.ExitCode(); code != 0 && code != 130 {
			w.t.Errorf("watch: %v", err)
		}
		if w.t.Failed() {
			w.t.Logf("what it said:\n%s", w.log.String())
		}
	})
}
