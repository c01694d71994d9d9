# One program on Cloud Run with an account of its own, which may read its own secrets and its own buckets, and nothing else.

locals {
  secrets = merge(
    { for variable, reference in var.secrets : variable => reference.secret },
    { for path, reference in var.secret_files : path => reference.secret },
  )
  # A volume holds one secret, and its folder shows nothing beside it: files in one folder need folders of their own.
  files   = { for path, reference in var.secret_files : path => merge(reference, { folder = dirname(path), file = basename(path) }) }
  volumes = [for path in concat(keys(var.secret_files), keys(var.buckets)) : { path = path, name = trim(replace(path, "/[^a-z0-9]+/", "-"), "-") }]
  names   = { for volume in local.volumes : volume.path => volume.name }
  mounts = merge(
    { for path, file in local.files : local.names[path] => file.folder },
    { for path, _ in var.buckets : local.names[path] => path },
  )
  # The user of our images. Folders that exist by their files' names alone are seen too.
  mount_options = ["uid=10001", "gid=10001", "implicit-dirs"]
  limits = merge(
    { cpu = tostring(var.scaling.cpu), memory = var.scaling.memory },
    var.scaling.gpu == "" ? {} : { "nvidia.com/gpu" = "1" },
  )
}

resource "google_service_account" "main" {
  account_id   = var.name
  display_name = "Heimdex: ${var.name}"
}

resource "google_secret_manager_secret_iam_member" "main" {
  for_each  = local.secrets
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.main.member
}

resource "google_storage_bucket_iam_member" "main" {
  for_each = var.buckets
  bucket   = each.value.bucket
  role     = each.value.read_only ? "roles/storage.objectViewer" : "roles/storage.objectUser"
  member   = google_service_account.main.member
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.kind == "service" ? var.invokers : {}
  name     = google_cloud_run_v2_service.main[0].name
  location = var.region
  role     = "roles/run.invoker"
  member   = each.value
}
