// What holds a pod's namespaces open. ../build.sh compiles it.
module articdbm.io/e2e/cluster/pause

go 1.26.0
