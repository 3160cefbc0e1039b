package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/regsync/regsync/test/rig"
)

// peerFiles are the playbook and the script that regsync is measured beside.
//
//go:embed peers
var peerFiles embed.FS

// peerSizes are the numbers of registries, each with the rounds that are measured.
var peerSizes = []struct{ registries, rounds int }{{10, 3}, {200, 1}, {1_000, 1}}

// peer is a way to bring registries to a node below a root. Input is the file that lists them, in the way's own form.
type peer struct {
	name        string
	input       func(registries []registry) string
	plan, apply func(root, input string) []string // plan is nil where there is no such thing
}

// registry is one entry of the input: an hosts.toml, a line of /etc/hosts, and a value in daemon.json.
type registry struct{ host, address, endpoint string }

// peers measures regsync beside a playbook and a script. Each has a node of its own, and the same entries; they take turns. Most is the
// largest number of registries that is measured.
func peers(program string, most int) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	for _, need := range []string{"ansible-playbook", "jq"} {
		if _, err := exec.LookPath(need); err != nil {
			return fmt.Errorf("%w: test/components/install peers installs it", err)
		}
	}
	dir, err := os.MkdirTemp("", "regsync-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, peerFiles); err != nil {
		return err
	}
	runner := filepath.Join(dir, "runner")
	if err := build(runner, "./test/bench/runner"); err != nil {
		return err
	}
	for name, value := range map[string]string{"ANSIBLE_PIPELINING": "1", "LC_ALL": "C.UTF-8"} { // the first makes it twice as fast
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	fmt.Printf("load of the machine before: %.14s\n", load)
	ways := waysOf(program, filepath.Join(dir, "peers"))
	for _, size := range peerSizes {
		if size.registries > most {
			break
		}
		if err := contest(dir, runner, ways, size.registries, size.rounds); err != nil {
			return err
		}
	}
	return nil
}

func waysOf(program, files string) []peer {
	playbook := func(more ...string) func(root, input string) []string {
		return func(root, input string) []string {
			return append([]string{
				"ansible-playbook", "-i", "localhost,", "-e", "ansible_python_interpreter=/usr/bin/python3",
				"-e", "root=" + root, "-e", "input=" + input, filepath.Join(files, "playbook.yml"),
			}, more...)
		}
	}
	return []peer{
		{
			"regsync", regsyncInput,
			func(root, input string) []string { return []string{program, "plan", "-f", input, "--root", root} },
			func(root, input string) []string {
				return []string{program, "apply", "--yes", "-f", input, "--root", root}
			},
		},
		{"ansible", ansibleInput, playbook("--check", "--diff"), playbook()},
		{"script", scriptInput, nil, func(root, input string) []string {
			return []string{"sh", filepath.Join(files, "registries.sh"), root, input}
		}},
	}
}

func regsyncInput(registries []registry) string {
	var text, insecure strings.Builder
	text.WriteString("apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nnode: {runtime: containerd, docker: {manage: always}}\nregistries:\n")
	for _, r := range registries {
		fmt.Fprintf(&text, "  - {host: %s, address: %s, server: \"http://%s\"}\n", r.host, r.address, r.endpoint)
		fmt.Fprintf(&insecure, "  - endpoint: %s\n", r.endpoint)
	}
	return text.String() + "insecure:\n" + insecure.String()
}

func ansibleInput(registries []registry) string {
	var text strings.Builder
	text.WriteString("registries:\n")
	for _, r := range registries {
		fmt.Fprintf(&text, "  - {host: %s, address: %s, endpoint: \"%s\"}\n", r.host, r.address, r.endpoint)
	}
	return text.String()
}

func scriptInput(registries []registry) string {
	var text strings.Builder
	for _, r := range registries {
		fmt.Fprintln(&text, r.host, r.address, r.endpoint)
	}
	return text.String()
}

// contest measures all ways with so many registries.
func contest(dir, runner string, ways []peer, registries, rounds int) error {
	fmt.Printf("\n%d registries: medians of %d\n%-20s %10s %10s %9s  %8s\n", registries, rounds, "", "wall", "CPU", "peak", "ratio")
	stages := []string{"plan", "apply", "again"}
	took := map[string][][]usage{}
	for _, stage := range stages {
		took[stage] = make([][]usage, len(ways))
	}
	verdicts := make([]string, len(ways))
	for round := range rounds {
		for i, way := range ways {
			root := filepath.Join(dir, fmt.Sprintf("%s-%d-%d", way.name, registries, round))
			verdict, err := turn(root, runner, way, registries, func(stage string, u usage) { took[stage][i] = append(took[stage][i], u) })
			if err != nil {
				return fmt.Errorf("%s, %d registries: %w", way.name, registries, err)
			}
			verdicts[i] = verdict
		}
	}
	for _, stage := range stages {
		for i, way := range ways {
			if len(took[stage][i]) == 0 {
				fmt.Printf("%-20s %10s\n", stage+", "+way.name, "none")
				continue
			}
			u := median(took[stage][i])
			fmt.Printf("%-20s %7.0f ms %7.0f ms %5.0f MiB  %8.1f\n", stage+", "+way.name, ms(u.wall), ms(u.cpu), mib(u), ms(u.wall)/ms(median(took[stage][0]).wall))
		}
	}
	for i, way := range ways {
		fmt.Printf("%-20s %s\n", way.name, verdicts[i])
	}
	return nil
}

// turn lays out a node and lets one way plan, apply, apply again, and apply without one of the entries. The verdict says what the last
// two did to the files.
func turn(root, runner string, way peer, registries int, note func(stage string, u usage)) (verdict string, err error) {
	if err := peerNode(root); err != nil {
		return "", err
	}
	var all []registry
	for i := range registries {
		all = append(all, registry{fmt.Sprintf("team-%05d.lab", i), fmt.Sprintf("10.1.%d.%d", i/250, i%250+1), fmt.Sprintf("store-%05d.lab:5000", i)})
	}
	input := root + ".input.yaml"
	run := func(stage string, argv []string) error {
		u, err := measure(runner, argv)
		if err == nil && stage != "" {
			note(stage, u)
		}
		return err
	}
	write := func(list []registry) error { return os.WriteFile(input, []byte(way.input(list)), 0o644) }
	if err := write(all); err != nil {
		return "", err
	}
	if way.plan != nil {
		if err := run("plan", way.plan(root, input)); err != nil {
			return "", err
		}
	}
	if err := run("apply", way.apply(root, input)); err != nil {
		return "", err
	}
	for _, r := range all {
		if missing := missing(root, r); len(missing) > 0 {
			return "", fmt.Errorf("after the apply %s is not in %s", r.host, strings.Join(missing, ", "))
		}
	}
	before, err := stamps(root)
	if err != nil {
		return "", err
	}
	if err := run("again", way.apply(root, input)); err != nil {
		return "", err
	}
	after, err := stamps(root)
	if err != nil {
		return "", err
	}
	written := 0
	for name := range after {
		if before[name] != after[name] {
			written++
		}
	}
	gone := registries / 2
	if err := errors.Join(write(slices.Delete(slices.Clone(all), gone, gone+1)), run("", way.apply(root, input))); err != nil {
		return "", err
	}
	left := slices.DeleteFunc([]string{"hosts.toml", "/etc/hosts", "daemon.json"}, func(f string) bool { return slices.Contains(missing(root, all[gone]), f) })
	harm, err := harmed(root)
	return fmt.Sprintf("again: %d of %d files written; one taken out: it stays in %s; foreign content: %s",
		written, len(after), orNothing(left), harm), err
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// What stood on the node before.
const (
	foreignHosts  = "127.0.0.1\tlocalhost\n# of the lab\n192.0.2.7   printer.lab printer\n"
	foreignDaemon = "{\n  \"log-driver\": \"json-file\",\n  \"log-opts\": {\"max-size\": \"10m\"},\n  \"insecure-registries\": [\"other.lab:5000\"]\n}\n"
	foreignTOML   = "server = \"https://other.lab\"\n\n[host.\"https://mirror.other.lab\"]\n"
)

// peerNode lays out a node whose containerd reads certs.d, and on which others have written too.
func peerNode(root string) error {
	for name, text := range map[string]string{
		rig.ContainerdConfig: rig.StockConfig, "/etc/hosts": foreignHosts, "/etc/docker/daemon.json": foreignDaemon,
		rig.ContainerdCerts + "/other.lab/hosts.toml": foreignTOML,
	} {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// missing gives those of the three files in which an entry is not.
func missing(root string, r registry) (list []string) {
	text, err := os.ReadFile(filepath.Join(root, rig.ContainerdCerts, r.host, "hosts.toml"))
	if err != nil || !bytes.Contains(text, []byte("server = \"http://"+r.endpoint+"\"\n")) {
		list = append(list, "hosts.toml")
	}
	text, err = os.ReadFile(filepath.Join(root, "etc/hosts"))
	if err != nil || !bytes.Contains(text, []byte("\n"+r.address+" "+r.host+"\n")) {
		list = append(list, "/etc/hosts")
	}
	if !slices.Contains(daemonOf(root).Insecure, r.endpoint) {
		list = append(list, "daemon.json")
	}
	return list
}

type daemonJSON struct {
	Driver   string            `json:"log-driver"`
	Options  map[string]string `json:"log-opts"`
	Insecure []string          `json:"insecure-registries"`
}

func daemonOf(root string) (d daemonJSON) {
	text, err := os.ReadFile(filepath.Join(root, "etc/docker/daemon.json"))
	if err == nil {
		_ = json.Unmarshal(text, &d) // one that cannot be read has nothing in it
	}
	return d
}

// harmed says what became of what stood on the node before.
func harmed(root string) (string, error) {
	toml, err1 := os.ReadFile(filepath.Join(root, rig.ContainerdCerts, "other.lab/hosts.toml"))
	hosts, err2 := os.ReadFile(filepath.Join(root, "etc/hosts"))
	daemon, err3 := os.ReadFile(filepath.Join(root, "etc/docker/daemon.json"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return "", err
	}
	d := daemonOf(root)
	switch {
	case string(toml) != foreignTOML || !bytes.HasPrefix(hosts, []byte(foreignHosts)):
		return "changed", nil
	case d.Driver != "json-file" || d.Options["max-size"] != "10m" || !slices.Contains(d.Insecure, "other.lab:5000"):
		return "lost from daemon.json", nil
	case !bytes.HasPrefix(daemon, []byte(foreignDaemon[:strings.Index(foreignDaemon, "[")])):
		return "kept, daemon.json laid out anew", nil
	}
	return "kept", nil
}

// stamps tells the files below root apart by their inode and the time at which they were written; regsync's own state is not among them.
func stamps(root string) (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if err == nil && path == filepath.Join(root, "var/lib/regsync") {
				return fs.SkipDir
			}
			return err
		}
		info, err := entry.Info()
		if err == nil {
			st, _ := info.Sys().(*syscall.Stat_t)
			all[path] = fmt.Sprint(st.Ino, info.ModTime().UnixNano())
		}
		return err
	})
	return all, err
}
