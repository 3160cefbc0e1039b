module github.com/regsync/regsync

go 1.26

require (
	github.com/distribution/reference v0.6.0
	github.com/hashicorp/go-multierror v1.1.1
	go.yaml.in/yaml/v3 v3.0.6
)

require (
	github.com/hashicorp/errwrap v1.0.0 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
)
