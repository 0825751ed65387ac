# A job that runs by the clock, never twice at a time, and writes each run into Consul.
#
#   nomad job run jobs/heartbeat.nomad.hcl
#   consul kv get -recurse jobs/heartbeat

variable "datacenters" {
  type        = list(string)
  default     = ["*"] # any
  description = "Where the job may run."
}

variable "driver" {
  type        = string
  default     = "exec"
  description = "exec gives a task a small root of its own; raw_exec runs it as the agent's user, unconfined."
}

variable "cron" {
  type        = string
  default     = "* * * * *" # every minute
  description = "Minute, hour, day, month, weekday; or seven fields, with seconds first and the year last."
}

variable "key" {
  type        = string
  default     = "jobs/heartbeat"
  description = "The runs are recorded in Consul below this key."
}

variable "seconds" {
  type        = number
  default     = 1
  description = "How long a run takes: stands for the work that your own job does."
}

variable "consul" {
  type        = string
  default     = "127.0.0.1:8500"
  description = "Tasks share the machine's network, so this is the machine's own Consul agent."
}

job "heartbeat" {
  datacenters = var.datacenters
  type        = "batch" # runs to its end

  periodic {
    crons            = [var.cron]
    time_zone        = "UTC"
    prohibit_overlap = true # while a run is not over, the next one is left out
  }

  group "heartbeat" {
    # A failed run is tried again for a minute: when a machine is lost, Consul may take a third of one to elect a new leader. The
    # next run comes by the clock anyway.
    restart {
      attempts = 3
      delay    = "15s"
      mode     = "fail"
    }

    reschedule {
      attempts = 0
    }

    # The machine's own programs, consul among them. raw_exec sees them without this.
    volume "bin" {
      type      = "host"
      source    = "bin"
      read_only = true
    }

    task "heartbeat" {
      driver = var.driver

      # An identity of its own, whose token is in CONSUL_HTTP_TOKEN. It may read all keys, and write those below jobs/.
      consul {}

      config {
        command = "sh"
        args    = ["${NOMAD_TASK_DIR}/heartbeat.sh"]
      }

      env {
        CONSUL_HTTP_ADDR = var.consul
      }

      dynamic "volume_mount" {
        for_each = var.driver == "exec" ? ["bin"] : []
        content {
          volume      = volume_mount.value
          destination = "/usr/local/bin"
          read_only   = true
        }
      }

      # "last" is the newest run; "runs/0" to "runs/9" are the last ten, so that the record stays small.
      template {
        destination = "local/heartbeat.sh"
        data        = <<-SH
          set -eu
          PATH=$PATH:/usr/local/bin
          begin=$(date -u +%s)
          run="begin=$begin alloc=$NOMAD_ALLOC_ID node={{ env "node.unique.name" }}"
          sleep ${var.seconds}
          run="$run end=$(date -u +%s)"
          # With -recurse, a key that isn't there yet is no error; a Consul that doesn't answer is.
          count=$(consul kv get -recurse ${var.key}/count)
          number=$${count##*:}
          number=$${number:-0}
          consul kv put ${var.key}/count $((number + 1))
          consul kv put ${var.key}/last "$run"
          consul kv put ${var.key}/runs/$((number % 10)) "$run"
        SH
      }

      resources {
        cpu    = 50 # MHz
        memory = 64 # MB
      }
    }
  }
}
