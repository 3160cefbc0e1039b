package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// readyWithin bounds how long a daemon may take to answer. It is generous: a machine that is busy is no failure.
const readyWithin = 60 * time.Second

// Daemon is a running program whose output goes to a log file.
type Daemon struct {
	Log  string // path of the file that has its standard output and error
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// StartDaemon starts a program. It is killed when the calling process ends, however that ends.
func StartDaemon(log string, argv ...string) (*Daemon, error) {
	// A group of its own, so that an interrupt at the terminal does not end it before it has been asked to stop.
	return startDaemon(log, &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}, argv...)
}

func startDaemon(log string, attr *syscall.SysProcAttr, argv ...string) (*Daemon, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	d := &Daemon{Log: log, cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = file, file
	d.cmd.SysProcAttr = attr
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %q: %w", argv[0], err)
	}
	go func() {
		d.cmd.Wait()
		close(d.done)
	}()
	return d, nil
}

// Pid is the number of its process.
func (d *Daemon) Pid() int { return d.cmd.Process.Pid }

// Ended reports whether the daemon has ended, or does so in time.
func (d *Daemon) Ended(in time.Duration) bool {
	select {
	case <-d.done:
		return true
	case <-time.After(in):
		return false
	}
}

// Stop asks the daemon to end, by its own pid, and kills it when it does not.
func (d *Daemon) Stop() {
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(20 * time.Second):
		d.cmd.Process.Kill()
		<-d.done
	}
}

// Kill ends the daemon at once.
func (d *Daemon) Kill() {
	d.cmd.Process.Kill()
	<-d.done
}

// await asks until answers returns nil. It gives up when the daemon has ended or the time is over, with the end of the log.
func (d *Daemon) await(ctx context.Context, answers func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-d.done:
			return fmt.Errorf("%s ended: %s", d.cmd.Path, d.tail())
		case <-ctx.Done():
			return errors.Join(err, fmt.Errorf("%s does not answer: %s", d.cmd.Path, d.tail()))
		case <-again.C:
		}
	}
}

// tail is the end of the log, for a message.
func (d *Daemon) tail() string {
	text, err := os.ReadFile(d.Log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-3000):])
}
