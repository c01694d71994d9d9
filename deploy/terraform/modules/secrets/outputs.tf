output "secrets" {
  description = "By name: the secret's id, and the version that is used. No values."
  value = {
    for name, secret in google_secret_manager_secret.main : name => {
      secret  = secret.secret_id
      version = tostring(lookup(var.versions, name, 1))
    }
  }
}
