// Command bench measures whole processes: regsync plan on a node that is converged already, beside cat of the very files that
// a plan has to read; and regsync version beside a Go program that does nothing. The two of a pair take turns within one
// run, so that a busy machine slows both; what is printed are medians and their ratio.
//
//	bench bin/regsync
//
// With images it measures how archives become images, beside ctr; see images.go.
//
//	bench images bin/regsync [ROUNDS]
//
// With peers it measures plan and apply beside an Ansible playbook and a shell script that do the same; see peers.go.
//
//	bench peers bin/regsync [MOST]
//
// With size it tells what each heavy dependency adds to the program; see size.go.
//
//	bench size bin/regsync
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/test/rig"
)

// sizes are the numbers of registries, each with the rounds that are measured.
var sizes = []struct{ registries, rounds int }{{10, 31}, {200, 31}, {1_000, 15}, {10_000, 5}}

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 1:
		err = bench(args[0])
	case len(args) >= 2 && args[0] == "images":
		rounds := 5
		if len(args) == 3 {
			_, err = fmt.Sscan(args[2], &rounds)
		}
		if err == nil {
			err = images(args[1], rounds)
		}
	case len(args) == 5 && args[0] == "inside":
		rounds := 0
		if _, err = fmt.Sscan(args[4], &rounds); err == nil {
			err = inside(args[1], args[2], args[3], rounds)
		}
	case len(args) >= 2 && args[0] == "peers":
		most := 1_000
		if len(args) == 3 {
			_, err = fmt.Sscan(args[2], &most)
		}
		if err == nil {
			err = peers(args[1], most)
		}
	case len(args) == 2 && args[0] == "size":
		err = size(os.Stdout, args[1])
	case len(args) == 2 && args[0] == "floor":
		err = floor(args[1])
	default:
		err = errors.New("usage: bench PROGRAM | bench images PROGRAM [ROUNDS] | bench peers PROGRAM [MOST] | bench size PROGRAM")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func bench(program string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "regsync-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	runner, nothing := filepath.Join(dir, "runner"), filepath.Join(dir, "nothing")
	source, err := emptyProgram(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(build(nothing, source), build(runner, "./test/bench/runner")); err != nil {
		return err
	}
	fmt.Println("                            regsync               peer             ratio     CPU")
	a, b, err := duel(runner, 31, []string{program, "version"}, []string{nothing})
	if err != nil {
		return err
	}
	report("version / empty program", a, b)
	for _, size := range sizes {
		root := filepath.Join(dir, fmt.Sprint(size.registries))
		file, err := converged(program, root, size.registries)
		if err != nil {
			return err
		}
		read, err := filesOf(root)
		if err != nil {
			return err
		}
		a, b, err := duel(runner, size.rounds, []string{program, "plan", "-f", file, "--root", root}, append([]string{"cat", file}, read...))
		if err != nil {
			return err
		}
		report(fmt.Sprintf("plan / cat, %d", size.registries), a, b)
	}
	return nil
}

// usage is what one process took.
type usage struct {
	wall time.Duration
	cpu  time.Duration
	peak int64 // resident memory, bytes
}

func report(name string, a, b usage) {
	fmt.Printf("%-26s %8.1f ms %6.1f MiB  %8.1f ms %6.1f MiB  %6.1f  %6.1f\n", name, ms(a.wall), mib(a), ms(b.wall), mib(b), ms(a.wall)/ms(b.wall), ms(a.cpu)/ms(b.cpu))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func mib(u usage) float64 { return float64(u.peak) / (1 << 20) }

// duel runs two commands in turns and returns the medians of each. The first round warms up and does not count.
func duel(runner string, rounds int, first, second []string) (a, b usage, err error) {
	var as, bs []usage
	for round := range rounds + 1 {
		a, err := measure(runner, first)
		if err != nil {
			return a, b, err
		}
		b, err := measure(runner, second)
		if err != nil {
			return a, b, err
		}
		if round > 0 {
			as, bs = append(as, a), append(bs, b)
		}
	}
	return median(as), median(bs), nil
}

// measure runs a command once, through the runner, with its absolute path.
func measure(runner string, argv []string) (usage, error) {
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return usage{}, err
	}
	cmd := exec.Command(runner, append([]string{program}, argv[1:]...)...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return usage{}, fmt.Errorf("running %q: %w: %s", argv[:min(3, len(argv))], err, said.String())
	}
	var wall, peak, cpu int64
	if _, err := fmt.Sscan(string(out), &wall, &peak, &cpu); err != nil {
		return usage{}, fmt.Errorf("reading what the runner says: %w", err)
	}
	return usage{time.Duration(wall), time.Duration(cpu), peak * 1024}, nil
}

func median(all []usage) usage {
	return usage{
		middle(all, func(u usage) time.Duration { return u.wall }), middle(all, func(u usage) time.Duration { return u.cpu }),
		middle(all, func(u usage) int64 { return u.peak }),
	}
}

func middle[T cmp.Ordered](all []usage, of func(usage) T) T {
	values := make([]T, len(all))
	for i, u := range all {
		values[i] = of(u)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// converged lays out a node below root, applies a file with so many registries to it, and returns the file's path.
func converged(program, root string, registries int) (string, error) {
	var text strings.Builder
	text.WriteString("apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nnode: {runtime: containerd, docker: {manage: never}}\nregistries:\n")
	for i := range registries {
		fmt.Fprintf(&text, "  - host: team-%05d.lab\n    server: https://store-%05d.lab:8443\n", i, i)
	}
	text.WriteString("mirrors:\n  - registry: docker.io\n    endpoints: [https://store-00000.lab:8443/v2/hub]\n")
	file := root + ".yaml"
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return "", err
	}
	config := filepath.Join(root, rig.ContainerdConfig)
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(config, []byte(rig.StockConfig), 0o644); err != nil {
		return "", err
	}
	begun := time.Now()
	if out, err := exec.Command(program, "apply", "--yes", "-f", file, "--root", root).CombinedOutput(); err != nil {
		return "", fmt.Errorf("applying %d registries: %w: %.2000s", registries, err, out)
	}
	fmt.Printf("%-26s %8.1f ms\n", fmt.Sprintf("first apply, %d", registries), float64(time.Since(begun).Microseconds())/1000)
	return file, nil
}

// filesOf lists what a plan has to read of a node: everything but regsync's own state.
func filesOf(root string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path == filepath.Join(root, "var/lib/regsync") {
			return fs.SkipDir
		}
		if entry.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// emptyProgram writes the source of a Go program that does nothing and returns its path.
func emptyProgram(dir string) (string, error) {
	source := filepath.Join(dir, "nothing.go")
	return source, os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644)
}

// build builds a Go program as regsync is built.
func build(program, source string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %q: %w: %s", source, err, out)
	}
	return nil
}
