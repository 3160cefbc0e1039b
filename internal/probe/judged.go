package probe

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
)

// Judged is what containerd of a major version makes of one directory of certs.d.
type Judged struct {
	Major int
	loader.Result
	Err error // what every pull of the registry fails with
}

// Judge lets containerd's loaders of each major read each of these directories of certs.d, as the node at root names them, for the
// registry that the directory is named after. A directory that could not be read, since that takes rights which this process does
// not have, is not in the answer.
func Judge(root string, directories []string, majors []int) (map[string][]Judged, error) {
	all := map[string][]Judged{}
	err := within(root, func(prefix string) {
		for _, dir := range directories {
			if prefix != "" && unfollowable(prefix, dir) {
				continue
			}
			for _, major := range majors {
				j := judge(major, prefix+dir)
				if errors.Is(j.Err, fs.ErrPermission) {
					continue
				}
				if j.Err != nil && prefix != "" {
					j.Err = errors.New(strings.ReplaceAll(j.Err.Error(), prefix+"/", "/"))
				}
				all[dir] = append(all[dir], j)
			}
		}
	})
	return all, err
}

// unfollowable reports whether a hosts.toml names files that are looked for in another root than the node's.
func unfollowable(prefix, dir string) bool {
	data, err := os.ReadFile(filepath.Join(prefix+dir, render.HostsTOML))
	return err == nil && parseHosts(prefix+dir, data).leads(prefix)
}

func judge(major int, dir string) Judged {
	j := Judged{Major: major, Result: loader.Result{Directory: filepath.Base(dir)}}
	load, err := loader.Hosts(major, loader.Options{Dir: func(string) (string, error) { return dir, nil }, Logged: &j.Logged})
	if err != nil {
		j.Err = err
		return j
	}
	hosts, err := load(registryOf(dir))
	if fatal := (*loader.PanicError)(nil); errors.As(err, &fatal) {
		j.Panic = fatal.Message
		return j
	}
	j.Err = err
	for _, h := range hosts {
		j.Endpoints = append(j.Endpoints, loader.Describe(h))
	}
	return j
}

// registryOf gives a registry that containerd would look into a directory for.
func registryOf(dir string) string {
	if host := loader.Host(filepath.Base(dir)); host != "*" {
		return host
	}
	return loader.Anybody
}

// Ignored reports whether containerd could not read the file, of which only its log speaks.
func (j Judged) Ignored() bool {
	return slices.ContainsFunc(j.Logged, func(line string) bool { return strings.Contains(line, "failed to decode") })
}
