package docker

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// unitDirs are where systemd looks for units, the first wins (systemd.unit(5)).
var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// unitText is a unit file, or a drop-in of one.
type unitText struct{ where, text string }

// unitTexts gives docker.service and its drop-ins in the order in which systemd reads them; nothing where there is no unit.
func (d Daemon) unitTexts() ([]unitText, error) {
	var texts []unitText
	for _, dir := range unitDirs {
		file := path.Join(dir, unit)
		data, err := d.readFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		texts = append(texts, unitText{file, string(data)})
		break
	}
	if len(texts) == 0 {
		return nil, nil
	}
	dropIns := map[string]string{} // by name: one in an earlier directory hides those of its name in the later ones
	var names []string
	for _, dir := range unitDirs {
		entries, err := os.ReadDir(d.on(path.Join(dir, unit+".d")))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if name := e.Name(); strings.HasSuffix(name, ".conf") && dropIns[name] == "" {
				dropIns[name] = path.Join(dir, unit+".d", name)
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		data, err := d.readFile(dropIns[name])
		if errors.Is(err, fs.ErrNotExist) {
			continue // a link to nowhere
		}
		if err != nil {
			return nil, err
		}
		texts = append(texts, unitText{dropIns[name], string(data)})
	}
	return texts, nil
}

// service is what of a unit says how the program is started.
type service struct {
	start       []source          // ExecStart=, split into words
	environment map[string]source // Environment=, by variable
	files       []string          // EnvironmentFile=; "-" before a path: it may be missing
}

// parseUnit reads the [Service] sections of a unit and its drop-ins. An empty value takes back what was said before.
func parseUnit(texts []unitText) service {
	s := service{environment: map[string]source{}}
	for _, t := range texts {
		section := ""
		for _, line := range logicalLines(t.text) {
			if strings.HasPrefix(line, "[") {
				section = line
			}
			key, value, ok := strings.Cut(line, "=")
			if !ok || section != "[Service]" {
				continue
			}
			value = strings.TrimSpace(value)
			switch strings.TrimSpace(key) {
			case "ExecStart":
				if value == "" {
					s.start = nil
					continue
				}
				s.start = append(s.start, source{t.where, splitWords(value)})
			case "Environment":
				if value == "" {
					clear(s.environment)
				}
				for _, w := range splitWords(value) {
					if name, v, ok := strings.Cut(w, "="); ok {
						s.environment[name] = source{t.where, splitWords(v)}
					}
				}
			case "EnvironmentFile":
				if value == "" {
					s.files = nil
					continue
				}
				s.files = append(s.files, value)
			}
		}
	}
	return s
}

// sources gives the words of the command line, each with the file that it comes from: $NAME and ${NAME} are looked up in the environment files,
// the last first, then in the unit. A file that cannot be found gives nothing.
func (s service) sources(read func(path string) ([]byte, error)) ([]source, error) {
	environment := map[string]source{}
	for name, src := range s.environment {
		environment[name] = src
	}
	for _, file := range s.files {
		file = strings.TrimPrefix(file, "-")
		data, err := read(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, a := range parseEnvironment(string(data)) {
			environment[a.name] = source{file, splitWords(a.value)}
		}
	}
	var all []source
	for _, start := range s.start {
		all = append(all, start)
		for _, w := range start.words {
			if name, ok := strings.CutPrefix(w, "$"); ok {
				if src, ok := environment[strings.Trim(name, "{}")]; ok {
					all = append(all, src)
				}
			}
		}
	}
	return all, nil
}

// logicalLines gives the lines of a unit file: without comments, a backslash at the end joining the next line.
func logicalLines(text string) []string {
	var lines []string
	joined := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue // also between joined lines
		}
		if head, ok := strings.CutSuffix(line, `\`); ok {
			joined += head + " "
			continue
		}
		if line = strings.TrimSpace(joined + line); line != "" {
			lines = append(lines, line)
		}
		joined = ""
	}
	if joined = strings.TrimSpace(joined); joined != "" {
		lines = append(lines, joined)
	}
	return lines
}
