package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// programTime is what a program is given where nothing else is said.
const programTime = 30 * time.Second

// command runs a program, without a shell, and gives what it prints.
func (s *Sources) command(ctx context.Context, argv []string) (string, error) {
	out, err := s.ask(ctx, "", argv...)
	return string(out), err
}

// ask runs a program, unless it is known what it says.
func (s *Sources) ask(ctx context.Context, in string, argv ...string) ([]byte, error) {
	if s.Answers == nil {
		return s.run(ctx, in, argv...)
	}
	question := strings.Join(argv, "\x00") + "\x00" + in
	said, ok := s.Answers.said[question]
	if ok {
		return said.out, said.err
	}
	said.out, said.err = s.run(ctx, in, argv...)
	if ctx.Err() == nil {
		s.Answers.keep(question, said)
	}
	return said.out, said.err
}

// Answers are what programs have said, good or bad, for somebody who asks the same again and again. The zero value is empty.
type Answers struct{ said map[string]answer }

type answer struct {
	out []byte
	err error
}

func (a *Answers) keep(question string, said answer) {
	if a.said == nil {
		a.said = map[string]answer{}
	}
	a.said[question] = said
}

// Forget has every program asked anew.
func (a *Answers) Forget() { clear(a.said) }

// run runs a program with our environment. It and all that it starts are killed when its time is over. The error says what it wrote
// to standard error last, and nothing of what it wrote to standard output.
func (s *Sources) run(ctx context.Context, in string, argv ...string) ([]byte, error) {
	limit := s.Timeout
	if limit == 0 {
		limit = programTime
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out, complaint bounded
	cmd := exec.CommandContext(timed, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &complaint
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // of what it started and we cannot kill
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case timed.Err() != nil:
		return nil, fmt.Errorf("running %q: it gave no answer within %s%s", argv[0], limit, last(&complaint, &out))
	case err == nil && out.over:
		return nil, fmt.Errorf("running %q: it printed more than %d bytes", argv[0], maxSecret)
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // a child of it lives on; it has said what it had to say
		return out.kept.Bytes(), nil
	}
	if e := (*exec.Error)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return out.kept.Bytes(), fmt.Errorf("running %q: %w%s", argv[0], err, last(&complaint, &out))
}

// bounded keeps the first bytes that are written to it, and swallows the others. Programs that are done early with a pipe would die of it.
type bounded struct {
	kept bytes.Buffer
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := maxSecret - b.kept.Len(); len(p) > room {
		b.over = true
		b.kept.Write(p[:room])
		return len(p), nil
	}
	return b.kept.Write(p)
}

// tail is how much of what a program complains of is repeated.
const tail = 300

// last gives the last lines that a program wrote to standard error, on one line, for an error. What it printed is taken out of them, for a
// program may write the same to both.
func last(complaint, out *bounded) string {
	text := complaint.kept.String()
	if complaint.over {
		text = text[:strings.LastIndexAny(text, " \n")+1] // half a word would not be known again
	}
	printed := out.kept.String()
	for line := range strings.Lines(printed) {
		if line = strings.TrimSpace(line); line != "" {
			text = strings.ReplaceAll(text, line, "(sensitive)") // however short it is
		}
	}
	words := append(strings.Fields(printed), strings.FieldsFunc(printed, func(r rune) bool { return strings.ContainsRune(" \r\n\t{}[]\",:", r) })...)
	for _, word := range words {
		if len(word) > 3 {
			text = strings.ReplaceAll(text, word, "(sensitive)")
		}
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, strings.TrimSpace(text))
	if len(text) > tail {
		text = "…" + strings.ToValidUTF8(text[len(text)-tail:], "")
	}
	if text == "" {
		return ""
	}
	return ": " + text
}
