module github.com/regsync/regsync

go 1.26

require (
	github.com/hashicorp/go-multierror v1.1.1
	github.com/pelletier/go-toml/v2 v2.2.4
)

require github.com/hashicorp/errwrap v1.0.0 // indirect
