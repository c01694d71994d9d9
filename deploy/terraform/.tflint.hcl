plugin "terraform" {
  enabled = true
  preset  = "all"
}

plugin "google" {
  enabled = true
  version = "0.35.0"
  source  = "github.com/terraform-linters/tflint-ruleset-google"
}

# Each environment is put together of files that it shares with the other one.
rule "terraform_standard_module_structure" {
  enabled = false
}
