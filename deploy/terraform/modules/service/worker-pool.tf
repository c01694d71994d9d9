resource "google_cloud_run_v2_worker_pool" "main" {
  count               = var.kind == "worker-pool" ? 1 : 0
  name                = var.name
  location            = var.region
  deletion_protection = var.protected

  scaling {
    manual_instance_count = var.scaling.min
  }
  template {
    service_account               = google_service_account.main.email
    gpu_zonal_redundancy_disabled = var.scaling.gpu == "" ? null : true
    dynamic "node_selector" {
      for_each = var.scaling.gpu == "" ? [] : [var.scaling.gpu]
      content {
        accelerator = node_selector.value
      }
    }
    containers {
      image = var.image
      args  = length(var.args) == 0 ? null : var.args
      resources {
        limits = local.limits
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

  lifecycle {
    # The autoscaler's to set.
    ignore_changes = [scaling[0].manual_instance_count]
  }
  # Without its rights it would not start.
  depends_on = [google_secret_manager_secret_iam_member.main, google_storage_bucket_iam_member.main]
}
