module "platform" {
  source          = "../../modules/platform"
  name            = local.name
  project         = var.project
  region          = var.region
  domain          = var.domain
  images          = jsondecode(file(var.images_file))
  secret_versions = var.secret_versions
  scaling = {
    for service, block in local.scaling :
    service => merge(block, { for key, value in try(var.scaling[service], {}) : key => value if value != null })
  }
  models       = var.models
  alert_emails = var.alert_emails
  protected    = local.protected
}
