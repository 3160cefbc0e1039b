package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsync/regsync/test/rig"
)

// TestDrifts changes a node that regsync watches in every way in which nodes get changed. Each time it is as the file says again, and the
// table of docs/benchmarks.md says how long that took.
func TestDrifts(t *testing.T) {
	require(t, "2.2")
	program := regsync(t)
	if _, err := rig.FindKube(); err != nil {
		rig.Missing(t, "kube", err.Error())
	}
	if !rig.Isolated(t) {
		return
	}
	n := newWatched(t, program)
	var took []time.Duration
	for _, d := range drifts {
		if d.once != nil {
			d.once(n)
		}
		n.event()
		d.cause(n)
		took = append(took, n.heals(d).Sub(n.began))
		t.Logf("%-60s %6d ms", d.what, took[len(took)-1].Milliseconds())
	}
	slices.Sort(took)
	t.Logf("%d drifts healed: median %d ms, worst %d ms", len(took), took[len(took)/2].Milliseconds(), took[len(took)-1].Milliseconds())
	n.stop()
	out, err := n.run("plan", "--detailed-exitcode")
	if err != nil {
		t.Errorf("afterwards there is something to do: %v\n%s", err, out)
	}
}

// drift is one way in which a node gets changed.
type drift struct {
	what   string
	once   func(n *watched) // before: what has to be so
	cause  func(n *watched)
	healed func(n *watched) error
}

// watched is a MicroK8s node with containerd, Docker, a control plane and two registries, and regsync that watches it.
type watched struct {
	*testing.T
	dir      string // of the specs
	program  string
	env      []string
	microk8s *rig.MicroK8s
	kube     *rig.Kube
	registry *rig.Registry
	ctr      string
	cmd      *exec.Cmd
	ended    chan error
	events   chan event
	began    time.Time // when it was changed last
	host     string    // where the node is mounted; empty: it is this machine
	flags    []string  // that say so
	log      bytes.Buffer
}

// event is a line of watch -o json.
type event struct {
	Event   string
	Trigger string
	Changes []struct{ Kind, Name, Reason string }
	at      time.Time
}

const watchedRegistry = "10.0.0.9:5280"

func newWatched(t *testing.T, program string) *watched {
	t.Helper()
	n := &watched{T: t, dir: t.TempDir(), program: program, events: make(chan event, 1000)}
	bin := filepath.Join(n.dir, "bin")
	n.ok(os.Mkdir(bin, 0o755))
	n.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	release, err := rig.Release("2.2")
	n.ok(err)
	n.ctr, err = release.Ctr(t.Context())
	n.ok(err)
	n.ok(os.WriteFile("/etc/docker/daemon.json", []byte("{\n\t\"labels\":   [\"site=plant-7\"]\n}\n"), 0o640))
	dockerd, err := rig.StartDockerd(context.Background(), n.dir)
	n.ok(err)
	t.Cleanup(func() { dockerd.Stop() })
	n.microk8s, err = rig.StartMicroK8s(context.Background(), release, "stock", t.TempDir(), bin)
	n.ok(err)
	t.Cleanup(func() { syscall.Unmount("/var/snap", syscall.MNT_DETACH) })
	n.kube, err = rig.StartKube(t.Context(), t.TempDir(), kubeAddress)
	n.ok(err)
	t.Cleanup(n.kube.Stop)
	config, err := n.kube.Kubeconfig(t.Context(), "admin")
	n.ok(err)
	n.ok(os.MkdirAll(rig.SnapData+"/credentials", 0o755))
	n.ok(os.WriteFile(rig.SnapData+"/credentials/client.config", config, 0o600))
	n.registry, err = rig.StartRegistry(watchedRegistry, nil)
	n.ok(err)
	t.Cleanup(func() { n.registry.Close() })
	n.lay()
	n.start()
	return n
}

// lay writes what the node is to be like: a file of its own, one in a ConfigMap's volume, and what they name.
func (n *watched) lay() {
	n.Helper()
	authority, err := rig.NewAuthority()
	n.ok(err)
	cert, key, err := authority.Issue("node")
	n.ok(err)
	other, err := rig.NewAuthority()
	n.ok(err)
	for name, data := range map[string][]byte{
		"password": []byte("correct horse\n"), "ca.crt": authority.PEM, "other.crt": other.PEM, "client.crt": cert, "client.key": key,
	} {
		n.write(n.path(name), string(data), 0o600)
	}
	n.ok(os.Mkdir(n.path("images"), 0o755))
	for i := range 6 {
		n.archive(fmt.Sprintf("app%d", i))
	}
	_, err = n.registry.Push("plant/pulled:1")
	n.ok(err)
	n.write(n.path("regsync.yaml"), n.spec(), 0o644)
	n.ok(os.Mkdir(n.path("volume"), 0o755))
	n.swap("etcHosts: [{address: 10.0.0.7, names: [first.lab]}]\n")
}

// spec is the file as it is in the beginning.
func (n *watched) spec() string {
	var registries strings.Builder
	for i := range 12 {
		fmt.Fprintf(&registries, "  - {host: r%d.lab, server: \"http://%s\", address: 10.0.0.9}\n", i, watchedRegistry)
	}
	return `apiVersion: regsync/v1alpha1
kind: NodeRegistries
registries:
` + registries.String() + `  - {host: "tls.lab:8443", ca: [ca.crt], client: {cert: client.crt, key: client.key}, credentials: harbor}
mirrors:
  - {registry: docker.io, endpoints: ["http://` + watchedRegistry + `"]}
insecure: ["` + watchedRegistry + `"]
credentials:
  - {name: harbor, username: edge, password: {file: password}}
preload:
  - archive: images/*.tar
  - image: ` + watchedRegistry + `/plant/pulled:1
pullSecrets:
  - {name: harbor, credentials: [harbor], namespaces: [default, "team-*"], serviceAccounts: [default]}
`
}

// swap gives the ConfigMap's volume another content, as kubelet does: by one link.
func (n *watched) swap(text string) {
	n.Helper()
	dir, err := os.MkdirTemp(n.path("volume"), "..")
	n.ok(err)
	n.ok(os.Chmod(dir, 0o755))
	n.write(filepath.Join(dir, "site.yaml"), "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\n"+text, 0o644)
	n.ok(os.Symlink(filepath.Base(dir), n.path("volume/..data_tmp")))
	n.ok(os.Rename(n.path("volume/..data_tmp"), n.path("volume/..data")))
	if _, err := os.Lstat(n.path("volume/site.yaml")); err != nil {
		n.ok(os.Symlink("..data/site.yaml", n.path("volume/site.yaml")))
	}
}

// archive puts an archive with one image into the directory of archives.
func (n *watched) archive(name string) {
	n.Helper()
	data, err := rig.Archive("oci", []string{"harbor.lab/" + name + ":1"})
	n.ok(err)
	n.write(n.path("images/."+name), string(data), 0o644)
	n.ok(os.Rename(n.path("images/."+name), n.path("images/"+name+".tar")))
}

func (n *watched) path(name string) string { return filepath.Join(n.dir, name) }

func (n *watched) args(verb ...string) []string {
	if n.host != "" {
		return append(verb, "-f", n.path("regsync.yaml"))
	}
	return append(verb, "-f", n.path("regsync.yaml"), "-f", n.path("volume"))
}

// newBareWatched is a node of files only, mounted somewhere, that nothing runs on, with some registries.
func newBareWatched(t *testing.T, program string, registries int) *watched {
	t.Helper()
	n := &watched{T: t, dir: t.TempDir(), program: program, env: os.Environ(), events: make(chan event, 1000)}
	n.host = n.path("node")
	n.ok(os.MkdirAll(n.host+"/etc/containerd", 0o755))
	n.ok(os.MkdirAll(n.host+"/var/lib", 0o755))
	n.write(n.host+"/etc/hosts", "127.0.0.1 localhost\n", 0o644)
	n.write(n.host+"/etc/containerd/config.toml", "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n", 0o644)
	n.write(n.path("regsync.yaml"), n.bareSpec(registries), 0o644)
	return n
}

func (n *watched) bareSpec(registries int) string {
	var s strings.Builder
	s.WriteString("apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nnode: {runtime: containerd}\nregistries:\n")
	for i := range registries {
		fmt.Fprintf(&s, "  - {host: r%d.lab, address: 10.0.0.9}\n", i)
	}
	return s.String()
}

// hosts is the hosts.toml of one of its registries.
func (n *watched) hosts(i int) string {
	return n.host + fmt.Sprintf("/etc/containerd/certs.d/r%d.lab/hosts.toml", i)
}

func (n *watched) onNode(file string) string { return strings.TrimPrefix(file, n.host) }

// ask asks the watch at its socket.
func (n *watched) ask(socket, path string) string {
	n.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	response, err := client.Get("http://watch" + path)
	n.ok(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	n.ok(err)
	return string(text)
}

// start starts the watch and waits until the node is as the file says.
func (n *watched) start(flags ...string) {
	n.Helper()
	n.begin(flags...)
	n.await("it to converge", func(e event) bool { return e.Event == "converged" })
}

func (n *watched) begin(flags ...string) {
	n.Helper()
	n.cmd = exec.Command(n.program, append(n.args("watch", "-o", "json"), flags...)...)
	n.cmd.Env, n.cmd.Stderr = n.env, &n.log
	out, err := n.cmd.StdoutPipe()
	n.ok(err)
	n.ok(n.cmd.Start())
	n.ended = make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			e := event{at: time.Now()}
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				n.events <- e
			}
		}
		n.ended <- n.cmd.Wait()
	}()
	n.Cleanup(func() { n.cmd.Process.Kill() })
}

// stop ends the watch, which ends well.
func (n *watched) stop() {
	n.Helper()
	n.ok(n.cmd.Process.Signal(syscall.SIGTERM))
	if err := <-n.ended; err != nil {
		n.Errorf("watch ends with %v\n%s", err, n.log.String())
	}
}

// await waits for an event.
func (n *watched) await(what string, is func(event) bool) event {
	n.Helper()
	late := time.NewTimer(2 * time.Minute)
	defer late.Stop()
	for {
		select {
		case e := <-n.events:
			if is(e) {
				return e
			}
		case err := <-n.ended:
			n.Fatalf("waiting for %s, watch has ended: %v\n%s", what, err, n.log.String())
		case <-late.C:
			n.Fatalf("waiting for %s\n%s", what, n.log.String())
		}
	}
}

// event says that the node is changed now. What takes long to cause says so again, right before the change.
func (n *watched) event() { n.began = time.Now() }

// heals waits until the node is as the file says again, and gives when it was.
func (n *watched) heals(d drift) time.Time {
	n.Helper()
	err := errors.New("nothing happened")
	last := n.await(d.what, func(e event) bool {
		err = d.healed(n)
		return e.Event == "converged" && err == nil
	})
	if err != nil {
		n.Fatalf("%s: %v\n%s", d.what, err, n.log.String())
	}
	return last.at
}

// run runs regsync beside the watch.
func (n *watched) run(verb ...string) (string, error) {
	cmd := exec.Command(n.program, n.args(verb...)...)
	cmd.Env = n.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (n *watched) ok(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

func (n *watched) write(name, text string, mode os.FileMode) {
	n.Helper()
	n.ok(os.WriteFile(name, []byte(text), mode))
	n.ok(os.Chmod(name, mode))
}

func (n *watched) read(name string) string {
	data, err := os.ReadFile(name)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(data)
}

// in runs ctr in the namespace of the CRI.
func (n *watched) in(args ...string) string {
	n.Helper()
	out, err := exec.Command(n.ctr, append([]string{"--address", rig.MicroK8sSocket, "-n", "k8s.io"}, args...)...).CombinedOutput()
	if err != nil {
		n.Fatalf("ctr %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// object changes an object of the cluster.
func (n *watched) object(method, path string, body any) {
	n.Helper()
	_, err := n.kube.Do(n.Context(), method, path, body)
	n.ok(err)
}

// snap runs the stand-in for snapd's command.
func (n *watched) snap(args ...string) {
	n.Helper()
	cmd := exec.Command(n.path("bin/snap"), args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		n.Fatalf("snap %q: %v\n%s", args, err, out)
	}
}
