package docker

// Pid gives the process id of the dockerd that runs here; ok is false where none is known.
func (d Daemon) Pid() (pid int, ok bool) {
	pid, err := d.pid(d.proc())
	return pid, err == nil
}
