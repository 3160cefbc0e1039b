package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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

// battered is a node with everything that regsync changes without a cluster: a MicroK8s of long ago with its containerd, and Docker.
type battered struct {
	*testing.T
	dir      string // of the specs
	program  string
	env      []string
	microk8s *rig.MicroK8s
	dockerd  *rig.Dockerd
	original picture

	kube            *rig.Kube // nil: there is no cluster
	originalObjects picture

	where     string    // the point at which something was done to it last
	running   *exec.Cmd // under watch
	recovered int       // so often
	nameless  int       // records of images that the CRI has kept
	restarts  int       // of containerd, when it was asked last
	after     func()    // what is to be done before the node is given back
}

const (
	// first asks for each kind of thing: certificates, a credential, mirrors, lines in /etc/hosts, Docker's lists, an image. The template
	// changes too, and containerd is restarted.
	firstSpec = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
registries:
  - {host: myprojectname.io, server: "http://192.168.1.140:5280", address: 192.168.1.140}
  - {host: "harbor.lab:8443", ca: [ca.crt], client: {cert: client.crt, key: client.key}, credentials: harbor}
mirrors:
  - {registry: docker.io, endpoints: ["http://192.168.1.140:5280"]}
insecure: ["localhost:32000", "192.168.1.140:5280"]
credentials:
  - {name: harbor, username: edge, password: {file: password}}
preload:
  - archive: app.tar
`
	// second changes some of it, takes some out, and brings some.
	secondSpec = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
registries:
  - {host: myprojectname.io, server: "http://192.168.1.140:5281", address: 192.168.1.141}
  - {host: "quay.lab", credentials: harbor}
mirrors:
  - {registry: docker.io, endpoints: ["http://192.168.1.140:5281"]}
insecure: ["localhost:32000", "192.168.1.140:5281"]
credentials:
  - {name: harbor, username: edge, password: {file: password}}
preload:
  - archive: other.tar
`
)

// newBattered lays the node out and starts what runs on it. The test must be isolated.
func newBattered(t *testing.T, program string) *battered {
	t.Helper()
	b := &battered{T: t, dir: t.TempDir(), program: program}
	release, err := rig.Release("2.2")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(b.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	b.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	b.laySpecs()
	if err := os.WriteFile("/etc/docker/daemon.json", []byte("{\n\t\"labels\":   [\"site=plant-7\"]\n}\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if b.dockerd, err = rig.StartDockerd(context.Background(), b.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.dockerd.Stop() })
	node := t.TempDir()
	if b.microk8s, err = rig.StartMicroK8s(context.Background(), release, "legacy", node, bin); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount("/var/snap", syscall.MNT_DETACH) })
	b.original = b.see()
	return b
}

func (b *battered) laySpecs() {
	b.Helper()
	authority, err := rig.NewAuthority()
	if err != nil {
		b.Fatal(err)
	}
	cert, key, err := authority.Issue("node")
	if err != nil {
		b.Fatal(err)
	}
	app, err := rig.Archive("oci", []string{"harbor.lab/app:1"})
	if err != nil {
		b.Fatal(err)
	}
	other, err := rig.Archive("docker", []string{"harbor.lab/other:1"})
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"first.yaml": []byte(firstSpec), "second.yaml": []byte(secondSpec),
		"cluster-before.yaml": []byte(clusterBefore), "cluster.yaml": []byte(clusterSecond), "password": []byte("correct horse\n"),
		"ca.crt": authority.PEM, "client.crt": cert, "client.key": key, "app.tar": app, "other.tar": other,
	} {
		if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *battered) command(args ...string) *exec.Cmd {
	cmd := exec.Command(b.program, args...)
	cmd.Dir, cmd.Env = b.dir, b.env
	return cmd
}

// does runs regsync and wants one of these exit codes.
func (b *battered) does(want []int, args ...string) string {
	b.Helper()
	out, err := b.command(args...).CombinedOutput()
	if got := exitCode(b.T, err); !slices.Contains(want, got) {
		b.Fatalf("regsync %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, want, out)
	}
	return string(out)
}

// output is what regsync says on its standard output.
func (b *battered) output(args ...string) string {
	b.Helper()
	out, err := b.command(args...).Output()
	if err != nil {
		b.Fatalf("regsync %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// exitCode of a program that ran; -1: it was killed.
func exitCode(t testing.TB, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

// watched runs regsync, and judge decides on its calls. What it writes for containerd's loaders to read, in memory or below TMPDIR, is none of
// the node's.
func (b *battered) watched(judge func(rig.Call) rig.Verdict, args ...string) (code int, out string) {
	b.Helper()
	var said strings.Builder
	cmd := b.command(args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	b.running = cmd
	hangs := time.AfterFunc(4*time.Minute, func() { cmd.Process.Signal(syscall.SIGQUIT) }) // then it says where it waits
	defer hangs.Stop()
	err := rig.Watched(cmd, func(call rig.Call) rig.Verdict {
		if strings.HasPrefix(call.Path, os.TempDir()+"/") || strings.Contains(call.Path, "/regsync-judge-") {
			return rig.Verdict{}
		}
		return judge(call)
	})
	return exitCode(b.T, err), said.String()
}

// picture is what stands in some directories: what each file is, whose, and what it holds.
type picture map[string]string

// see takes a picture of what regsync may change on the node. Left out is what others change: containerd's own things, and the config
// that its start makes of the template.
func (b *battered) see() picture {
	b.Helper()
	p, err := take([]string{"/etc", "/var/snap/microk8s", "/var/lib/regsync"},
		"/var/snap/microk8s/common", "/var/snap/microk8s/8511/args/containerd.toml")
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// seeNode is see without what regsync remembers.
func (b *battered) seeNode() picture {
	b.Helper()
	p := b.see()
	maps.DeleteFunc(p, func(name, _ string) bool { return strings.HasPrefix(name, "/var/lib/regsync") })
	return p
}

func take(dirs []string, without ...string) (picture, error) {
	p := picture{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && path == dir {
				return nil
			}
			if err != nil {
				return err
			}
			if slices.Contains(without, path) {
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			owner := info.Sys().(*syscall.Stat_t)
			holds, err := holds(path, info)
			if err != nil {
				return err
			}
			p[path] = fmt.Sprintf("%s %d:%d%s", info.Mode(), owner.Uid, owner.Gid, holds)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// differs says how a picture differs from another; it is empty where it does not.
func (p picture) differs(from picture) string {
	var lines []string
	for name, said := range from {
		switch {
		case p[name] == "":
			lines = append(lines, "gone: "+name+" "+said)
		case p[name] != said:
			lines = append(lines, "is: "+name+" "+p[name]+", was: "+said)
		}
	}
	for name, said := range p {
		if from[name] == "" {
			lines = append(lines, "new: "+name+" "+said)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// halfDone says what of the node is neither as before nor as it is to be. While Docker is told, its lists may stand there, empty: it keeps
// the old values otherwise.
func (b *battered) halfDone(r rehearsal) string {
	b.Helper()
	const name = "/etc/docker/daemon.json"
	seen := b.seeNode()
	var doc map[string][]string
	data, err := os.ReadFile(name)
	if err == nil && json.Unmarshal(data, &doc) == nil && len(doc["insecure-registries"])+len(doc["registry-mirrors"]) == 0 {
		seen[name] = r.old[name]
	}
	return seen.between(r.old, r.now)
}

// between says what in a picture is neither as in the one nor as in the other. What a killed run was writing beside a file counts for
// nothing, and neither does a directory that was made for a file which is not there yet.
func (p picture) between(old, now picture) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		said := p[name]
		if said == old[name] || said == now[name] || strings.HasSuffix(name, ".regsync-new") || strings.HasPrefix(name, "/var/lib/regsync") {
			continue
		}
		lines = append(lines, name+" is "+said+", neither "+old[name]+" nor "+now[name])
	}
	for name, said := range old {
		if p[name] == "" && now[name] != "" {
			lines = append(lines, name+" is gone, and was "+said)
		}
	}
	return strings.Join(lines, "\n")
}
