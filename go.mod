module github.com/regsync/regsync

go 1.26
