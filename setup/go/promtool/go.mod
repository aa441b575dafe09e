module pulumi-heye/setup/go/promtool

go 1.26

require github.com/prometheus/prometheus v0.311.0
