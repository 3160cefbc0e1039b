package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// flags names the dockerd flag that says the same as a key of daemon.json.
var flags = map[string]string{
	"insecure-registries": "--insecure-registry",
	"registry-mirrors":    "--registry-mirror",
}

// FlagClash looks for a flag of dockerd that one of keys, which are to stand in daemon.json, would say again: dockerd takes no such
// file, and does not come up with it at its next start. where is the file that holds the flag, or the process that was started with
// it; both are empty where there is none.
func (d Daemon) FlagClash(keys []string) (where, flag string, err error) {
	sources, err := d.sources()
	if err != nil {
		return "", "", err
	}
	for _, key := range keys {
		name, ok := flags[key]
		if !ok {
			return "", "", fmt.Errorf("key %q has no flag that is known", key)
		}
		for _, s := range sources {
			if hasFlag(s.words, name) {
				return s.where, name, nil
			}
		}
	}
	return "", "", nil
}

// source is a place where flags of dockerd are given.
type source struct {
	where string
	words []string
}

// sources gives what dockerd will be started with, by its unit or else by the files of its init script, and what it was started with.
func (d Daemon) sources() ([]source, error) {
	texts, err := d.unitTexts()
	if err != nil {
		return nil, err
	}
	var sources []source
	if len(texts) > 0 {
		if sources, err = parseUnit(texts).sources(d.readFile); err != nil {
			return nil, err
		}
	} else {
		for _, file := range []string{"/etc/default/docker", "/etc/sysconfig/docker", "/etc/conf.d/docker"} {
			data, err := d.readFile(file)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, a := range parseEnvironment(string(data)) {
				sources = append(sources, source{file, splitWords(a.value)})
			}
		}
	}
	return append(sources, d.started()...), nil
}

// started gives the command line of the dockerd that runs.
func (d Daemon) started() []source {
	proc := d.proc()
	pid, err := d.pid(proc)
	if err != nil {
		return nil
	}
	line, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return nil // it has ended meanwhile
	}
	return []source{{fmt.Sprintf("the running dockerd (process %d)", pid), strings.Split(string(line), "\x00")}}
}

// readFile reads a file of the node's.
func (d Daemon) readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(d.on(path))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	return data, nil
}

// hasFlag reports whether a command line has the flag, as --flag value or --flag=value (pflag takes no abbreviations).
func hasFlag(words []string, flag string) bool {
	for _, w := range words {
		if w == "--" {
			return false
		}
		if w == flag || strings.HasPrefix(w, flag+"=") {
			return true
		}
	}
	return false
}
