package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// watching is a watch that runs on a node below a directory.
type watching struct {
	*testing.T
	root  string
	lines chan line
}

// line is a line that the watch wrote: an event, or a line of its log.
type line struct {
	Event   string
	Changes []struct{ Name string }
	Msg     string
	Name    string
	Reason  string
	text    string
}

// watchNode starts the program as a watch of the node at root, in a network namespace of its own where it may have one.
func watchNode(t *testing.T, root, spec string) *watching {
	t.Helper()
	program := filepath.Join(t.TempDir(), "regsync")
	if err := copyFile(program, os.Args[0]); err != nil {
		t.Fatal(err)
	}
	w := &watching{T: t, root: root, lines: make(chan line, 1000)}
	cmd := exec.CommandContext(t.Context(), program, "watch", "-o", "json", "--host", root, "-f", spec)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	}
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = to, to
	if err := errors.Join(cmd.Start(), to.Close()); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(w.lines)
		for lines := bufio.NewReader(from); ; {
			text, err := lines.ReadString('\n')
			if err != nil {
				if !errors.Is(err, io.EOF) {
					w.lines <- line{text: err.Error()}
				}
				return
			}
			l := line{text: text}
			_ = json.Unmarshal([]byte(text), &l) // what is none is shown if nothing else comes
			w.lines <- l
		}
	}()
	t.Cleanup(func() {
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the watch ended: %v", err)
		}
	})
	return w
}

// await waits for a line.
func (w *watching) await(what string, is func(line) bool) {
	w.Helper()
	var heard strings.Builder
	for giveUp := time.After(time.Minute); ; {
		select {
		case l, ok := <-w.lines:
			if ok && is(l) {
				return
			}
			if heard.WriteString(l.text); !ok {
				w.Fatalf("the watch ended before %s:\n%s", what, heard.String())
			}
		case <-giveUp:
			w.Fatalf("no word of %s:\n%s", what, heard.String())
		}
	}
}

// converged waits until the node is as the file says.
func (w *watching) converged() {
	w.Helper()
	w.await("that it converged", func(s line) bool { return s.Event == "converged" })
}

// healed waits until a file was changed, and gives it.
func (w *watching) healed(name string) string {
	w.Helper()
	w.await("a change of "+name, func(s line) bool {
		for _, c := range s.Changes {
			if c.Name == name {
				return true
			}
		}
		return false
	})
	return w.read(name)
}

// complains waits until a file is named as not as it should be.
func (w *watching) complains(name, why string) {
	w.Helper()
	w.await(name+": "+why, func(s line) bool {
		return s.Msg == "waits" && s.Name == name && strings.Contains(s.Reason, why)
	})
}

func (w *watching) read(name string) string {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(w.root, name))
	if err != nil {
		w.Fatal(err)
	}
	return string(data)
}

func (w *watching) write(name, text string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.root, name), []byte(text), 0o644); err != nil {
		w.Fatal(err)
	}
}

const (
	watchedHosts  = "/etc/containerd/certs.d/a.example/hosts.toml"
	watchedDocker = "/etc/docker/daemon.json"
	watchedConfig = "/etc/containerd/config.toml"
)

// watchedNode is a node, and a file for it that reaches all that files are about.
func watchedNode(t *testing.T) (root, spec string) {
	t.Helper()
	dir := t.TempDir()
	root, spec = filepath.Join(dir, "node"), filepath.Join(dir, "regsync.yaml")
	for name, text := range map[string]string{
		spec: "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\n" +
			"registries: [{host: a.example, server: \"http://10.0.0.6:5000\", address: 10.0.0.4}]\ninsecure: [10.0.0.6:5000]\n",
		filepath.Join(root, "etc/hosts"):       "127.0.0.1 localhost\n",
		filepath.Join(root, "usr/bin/dockerd"): "",
		filepath.Join(root, watchedDocker):     "{\"debug\": true}\n",
		filepath.Join(root, watchedConfig):     "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return root, spec
}

// TestWatchGoesOn: a file that somebody has broken holds back nothing but itself, and is looked after again when it is mended.
func TestWatchGoesOn(t *testing.T) {
	root, spec := watchedNode(t)
	w := watchNode(t, root, spec)
	w.converged()
	hosts := w.read(watchedHosts)

	const broken = "{\n  “debug”: true\n}\n"
	w.write(watchedDocker, broken)
	w.complains(watchedDocker, "daemon.json:2:3")
	w.write(watchedHosts, strings.Replace(hosts, "10.0.0.6", "10.0.0.66", 1))
	if got := w.healed(watchedHosts); got != hosts {
		t.Errorf("it is\n%s\nand was\n%s", got, hosts)
	}
	if got := w.read(watchedDocker); got != broken {
		t.Errorf("what cannot be edited was: %s", got)
	}
	w.write(watchedDocker, "{\"debug\": false}\n")
	if got := w.healed(watchedDocker); !strings.Contains(got, `"debug": false`) || !strings.Contains(got, `"10.0.0.6:5000"`) {
		t.Errorf("mended, it is %s", got)
	}
}

// TestWatchBrokenConfig: as long as containerd's config cannot be read, nobody knows which directory it reads. What is in the one that it read stays, and
// all that is not the runtime's is looked after.
func TestWatchBrokenConfig(t *testing.T) {
	root, spec := watchedNode(t)
	w := watchNode(t, root, spec)
	w.converged()
	config, block := w.read(watchedConfig), w.read("/etc/hosts")
	hosts := w.read(watchedHosts)

	w.write(watchedConfig, "version = 2\nroot = “/data”\n")
	w.complains("", "nothing of the runtime's is touched until it can be read")
	w.write("/etc/hosts", strings.Replace(block, "10.0.0.4", "10.0.0.44", 1))
	if got := w.healed("/etc/hosts"); got != block {
		t.Errorf("it is\n%s\nand was\n%s", got, block)
	}
	if got := w.read(watchedHosts); got != hosts {
		t.Errorf("what containerd reads was changed:\n%s", got)
	}
	w.write(watchedConfig, config)
	w.converged()
}

// TestWatchLink: a link that somebody has put in the place of a file of ours goes, and what it leads to stays.
func TestWatchLink(t *testing.T) {
	root, spec := watchedNode(t)
	w := watchNode(t, root, spec)
	w.converged()
	hosts := w.read(watchedHosts)
	const theirs = "server = \"https://b.example\"\n"
	w.write("/etc/theirs.toml", theirs)
	place := filepath.Join(root, watchedHosts)
	if err := errors.Join(os.Symlink("/etc/theirs.toml", place+".new"), os.Rename(place+".new", place)); err != nil {
		t.Fatal(err)
	}
	if got := w.healed(watchedHosts); got != hosts {
		t.Errorf("it is\n%s\nand was\n%s", got, hosts)
	}
	if got := w.read("/etc/theirs.toml"); got != theirs {
		t.Errorf("what the link led to is\n%s", got)
	}
	if info, err := os.Lstat(place); err != nil || !info.Mode().IsRegular() {
		t.Errorf("it is %v, %v", info, err)
	}
}
