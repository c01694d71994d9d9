# data: blobs, sidecars and index, by the S3 interface with an HMAC key. footage: films, read by another one that can read and nothing else.
# models: one folder a version, mounted read-only by the stages.

locals {
  buckets = {
    data    = "What Heimdex makes"
    footage = "Films"
    models  = "Models"
  }
}

resource "google_storage_bucket" "main" {
  for_each                    = local.buckets
  name                        = "${var.project}-${var.name}-${each.key}"
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.protected
  labels                      = { heimdex = each.key }

  versioning {
    enabled = true
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = var.keep_deleted_days
      with_state                 = "ARCHIVED"
    }
  }
  # Uploads that nobody will finish: Heimdex gives none up before seven days.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 8
    }
  }
}

# Whose HMAC keys the S3 interface is used with. The keys themselves are made by `make-secrets`: Terraform would write them into its state.
resource "google_service_account" "data" {
  account_id   = "${var.name}-data"
  display_name = "Heimdex: S3 interface of the data bucket"
}

resource "google_service_account" "footage" {
  account_id   = "${var.name}-footage"
  display_name = "Heimdex: S3 interface of the footage bucket"
}

resource "google_storage_bucket_iam_member" "data" {
  bucket = google_storage_bucket.main["data"].name
  role   = "roles/storage.objectAdmin"
  member = google_service_account.data.member
}

resource "google_storage_bucket_iam_member" "footage" {
  bucket = google_storage_bucket.main["footage"].name
  role   = "roles/storage.objectViewer"
  member = google_service_account.footage.member
}
