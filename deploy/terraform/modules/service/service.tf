resource "google_cloud_run_v2_service" "main" {
  count                = var.kind == "service" ? 1 : 0
  name                 = var.name
  location             = var.region
  ingress              = var.ingress == "internal" ? "INGRESS_TRAFFIC_INTERNAL_ONLY" : "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  invoker_iam_disabled = var.checks_its_callers
  deletion_protection  = var.protected

  template {
    service_account                  = google_service_account.main.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = var.scaling.concurrency
    timeout                          = "${var.timeout_seconds}s"
    gpu_zonal_redundancy_disabled    = var.scaling.gpu == "" ? null : true
    scaling {
      min_instance_count = var.scaling.min
      max_instance_count = var.scaling.max
    }
    dynamic "node_selector" {
      for_each = var.scaling.gpu == "" ? [] : [var.scaling.gpu]
      content {
        accelerator = node_selector.value
      }
    }
    containers {
      image = var.image
      args  = length(var.args) == 0 ? null : var.args
      ports {
        name           = var.http2 ? "h2c" : "http1"
        container_port = var.port
      }
      # It waits for its servers by itself before it answers; five minutes are for the slowest of them.
      startup_probe {
        period_seconds    = 5
        timeout_seconds   = 4
        failure_threshold = 60
        dynamic "http_get" {
          for_each = startswith(var.probe, "http:") ? [trimprefix(var.probe, "http:")] : []
          content {
            path = http_get.value
            port = var.port
          }
        }
        dynamic "grpc" {
          for_each = var.probe == "grpc" ? [var.port] : []
          content {
            port = grpc.value
          }
        }
        dynamic "tcp_socket" {
          for_each = var.probe == "tcp" ? [var.port] : []
          content {
            port = tcp_socket.value
          }
        }
      }
      resources {
        limits            = local.limits
        cpu_idle          = !var.works_between_requests
        startup_cpu_boost = true
      }
      dynamic "env" {
        for_each = var.env
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value.secret
              version = env.value.version
            }
          }
        }
      }
      dynamic "volume_mounts" {
        for_each = local.mounts
        content {
          name       = volume_mounts.key
          mount_path = volume_mounts.value
        }
      }
    }
    dynamic "volumes" {
      for_each = local.files
      content {
        name = local.names[volumes.key]
        secret {
          secret = volumes.value.secret
          items {
            version = volumes.value.version
            path    = volumes.value.file
          }
        }
      }
    }
    dynamic "volumes" {
      for_each = var.buckets
      content {
        name = local.names[volumes.key]
        gcs {
          bucket        = volumes.value.bucket
          read_only     = volumes.value.read_only
          mount_options = local.mount_options
        }
      }
    }
    vpc_access {
      egress = "ALL_TRAFFIC"
      network_interfaces {
        network    = var.network.network
        subnetwork = var.network.subnetwork
      }
    }
  }

  # Without its rights it would not start.
  depends_on = [google_secret_manager_secret_iam_member.main, google_storage_bucket_iam_member.main]
}
