module github.com/regsync/regsync

go 1.26

require github.com/pelletier/go-toml/v2 v2.2.4
