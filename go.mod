module github.com/regsync/regsync

go 1.26

require (
	github.com/godbus/dbus/v5 v5.2.4
	github.com/google/go-cmp v0.7.0
)

require github.com/coreos/go-systemd/v22 v22.7.0

require golang.org/x/sys v0.42.0
