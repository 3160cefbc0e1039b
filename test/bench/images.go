package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/regsync/regsync/test/rig"
)

// releases are those whose imports are measured.
var releases = []string{"1.6", "2.2"}

const (
	layers    = 8
	layerSize = 128 << 20 // bytes, before compression, which does nothing for random ones
	smalls    = 40
)

// images measures how archives become images: regsync apply beside ctr images import of the same release on the same containerd.
// Each has the store to itself, which is emptied before; the page cache is warm.
func images(program string, rounds int) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("images are measured in namespaces of their own, which need root")
	}
	dir, err := os.MkdirTemp("", "regsync-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := build(filepath.Join(dir, "runner"), "./test/bench/runner"); err != nil {
		return err
	}
	if err := makeArchives(dir); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, name := range releases {
		release, err := rig.Release(name)
		if err != nil {
			return err
		}
		if _, err := release.Path(ctx); err != nil {
			return err
		}
		if _, err := release.Ctr(ctx); err != nil {
			return err
		}
		scratch := filepath.Join(dir, name)
		if err := os.Mkdir(scratch, 0o755); err != nil {
			return err
		}
		if err := rig.Namespaced(ctx, scratch, "inside", program, dir, name, fmt.Sprint(rounds)).Run(); err != nil {
			return err
		}
	}
	return nil
}

func makeArchives(dir string) error {
	var plain []rig.Layer
	for i := range layers {
		plain = append(plain, rig.Layer{Seed: int64(i), Size: layerSize})
	}
	changed := append(slices.Clone(plain[:layers-1]), rig.Layer{Seed: 99, Size: layerSize})
	var refs []string
	for i := range smalls {
		refs = append(refs, fmt.Sprintf("harbor.lab/small%02d:1", i))
	}
	small, err := rig.Archive("oci", refs)
	return errors.Join(
		err, os.WriteFile(filepath.Join(dir, "small.tar"), small, 0o644),
		rig.BigArchive(filepath.Join(dir, "plain.tar"), "harbor.lab/big:1", false, plain...),
		rig.BigArchive(filepath.Join(dir, "gzip.tar"), "harbor.lab/big:1", true, plain...),
		rig.BigArchive(filepath.Join(dir, "changed.tar"), "harbor.lab/big:1", false, changed...),
	)
}

// store is a containerd whose images are measured.
type store struct {
	*rig.RunningContainerd
	release string
	ctr     string
	regsync string
	dir     string
	rounds  int
}

// inside runs in the namespaces, for one release.
func inside(program, dir, name string, rounds int) error {
	ctx := context.Background()
	scratch := os.Getenv(rig.InsideVariable)
	if err := rig.EnterNamespaces(scratch); err != nil {
		return err
	}
	release, err := rig.Release(name)
	if err != nil {
		return err
	}
	s := store{release: name, regsync: program, dir: dir, rounds: rounds}
	if s.ctr, err = release.Ctr(ctx); err != nil {
		return err
	}
	if s.RunningContainerd, err = rig.StartContainerd(ctx, release, scratch); err != nil {
		return err
	}
	defer s.Stop()
	version, err := s.CRI.Version(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s: medians of %d\n%-34s %10s %10s  %10s  %6s\n", version, rounds, "", "regsync", "peak", "ctr", "ratio")
	for _, archive := range []string{"plain.tar", "gzip.tar", "small.tar"} {
		if err := s.first(archive); err != nil {
			return fmt.Errorf("%s: %w", archive, err)
		}
	}
	return s.changed()
}

// imports are the ways in which the release's ctr imports: 2.x has two, and which is faster depends on the archive.
func (s *store) imports(archive string) [][]string {
	way := func(option ...string) []string {
		return slices.Concat([]string{s.ctr, "-n", "k8s.io", "images", "import"}, option, []string{filepath.Join(s.dir, archive)})
	}
	if strings.HasPrefix(s.release, "1.") {
		return [][]string{way()}
	}
	return [][]string{way(), way("--local")}
}

func (s *store) apply(archive string) []string {
	return []string{s.regsync, "apply", "--yes", "-f", s.spec(archive)}
}

func (s *store) plan(archive string) []string {
	return []string{s.regsync, "plan", "-f", s.spec(archive)}
}

func (s *store) spec(archive string) string {
	file := filepath.Join(s.dir, archive+".yaml")
	text := "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nnode: {runtime: containerd, docker: {manage: never}}\npreload:\n  - archive: " + archive + "\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		panic(err) // it was just made, in a directory of our own
	}
	return file
}

// first measures the import into an empty store, and then that of what is there already.
func (s *store) first(archive string) error {
	ways := append([][]string{s.apply(archive)}, s.imports(archive)...)
	first, again := make([][]usage, len(ways)), make([][]usage, len(ways))
	var floors []usage
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for range s.rounds {
		for i, way := range ways {
			took, err := s.run(way)
			if err != nil {
				return err
			}
			first[i] = append(first[i], took)
			if i == 0 {
				way = s.plan(archive)
			}
			if took, err = s.run(way); err != nil {
				return err
			}
			again[i] = append(again[i], took)
			if err := s.empty(); err != nil {
				return err
			}
		}
		took, err := s.run([]string{self, "floor", filepath.Join(s.dir, archive)})
		if err != nil {
			return err
		}
		floors = append(floors, took)
	}
	s.report(archive+", first", first)
	s.report(archive+", again: plan", again)
	fmt.Printf("%-34s %8.2f s\n", archive+", hashed and written", median(floors).wall.Seconds())
	return nil
}

// changed measures the import of an archive of whose eight layers seven are there.
func (s *store) changed() error {
	ways := append([][]string{s.apply("changed.tar")}, s.imports("changed.tar")...)
	took, wrote := make([][]usage, len(ways)), make([][]int64, len(ways))
	for range s.rounds {
		for i, way := range ways {
			before := s.apply("plain.tar")
			if i > 0 {
				before = s.imports("plain.tar")[i-1]
			}
			if _, err := s.run(before); err != nil {
				return err
			}
			syscall.Sync()
			at, err := s.written()
			if err != nil {
				return err
			}
			u, err := s.run(way)
			if err != nil {
				return err
			}
			now, err := s.written()
			if err != nil {
				return err
			}
			took[i], wrote[i] = append(took[i], u), append(wrote[i], now-at)
			if err := s.empty(); err != nil {
				return err
			}
		}
	}
	best := s.report("changed.tar, one layer of eight", took)
	for _, w := range wrote {
		slices.Sort(w)
	}
	fmt.Printf("%-34s %7.0f MB %10s  %7.0f MB\n", "  written by containerd", float64(wrote[0][s.rounds/2])/1e6, "", float64(wrote[best][s.rounds/2])/1e6)
	return nil
}

// report prints regsync's median, which is the first, and that of the fastest other way, whose index it returns.
func (s *store) report(name string, all [][]usage) (best int) {
	best = 1
	for i := range all[1:] {
		if median(all[i+1]).wall < median(all[best]).wall {
			best = i + 1
		}
	}
	option := ""
	if len(all) > 2 {
		option = []string{"", "transfer", "--local"}[best]
	}
	a, b := median(all[0]), median(all[best])
	fmt.Printf("%-34s %8.2f s %6.0f MiB  %8.2f s  %6.2f  %s\n", name, a.wall.Seconds(), mib(a), b.wall.Seconds(), a.wall.Seconds()/b.wall.Seconds(), option)
	return best
}

func (s *store) run(argv []string) (usage, error) {
	return measure(filepath.Join(s.dir, "runner"), argv)
}

// written is how many bytes containerd has given to the disk so far.
func (s *store) written() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", s.Pid()))
	if err != nil {
		return 0, err
	}
	var written int64
	_, rest, _ := strings.Cut(string(text), "\nwrite_bytes: ")
	_, err = fmt.Sscan(rest, &written)
	return written, err
}

// empty forgets what regsync did, and leaves nothing in the store.
func (s *store) empty() error {
	if out, err := exec.Command(s.regsync, "reset", "--yes").CombinedOutput(); err != nil {
		return fmt.Errorf("reset: %w: %s", err, out)
	}
	ctr := func(args ...string) ([]string, error) {
		out, err := exec.Command(s.ctr, append([]string{"-n", "k8s.io"}, args...)...).Output()
		return strings.Fields(string(out)), err
	}
	names, err := ctr("images", "ls", "-q")
	if err == nil && len(names) > 0 {
		_, err = ctr(append([]string{"images", "rm", "--sync"}, names...)...)
	}
	if err != nil {
		return fmt.Errorf("emptying the store: %w", err)
	}
	left, err := ctr("content", "ls", "-q")
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%d blobs are left in the store", len(left))
	}
	syscall.Sync()
	return err
}
