/** For tests: public keys made with ssh-keygen, and the fingerprints it prints for them. */
export const SAMPLE_KEYS = [
  {
    type: 'ssh-ed25519',
    line: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII9ubTWQmAcEPXXB8fHVahUYapsYFfYHuoYIzWhNdTjD me@example.com',
    fingerprint: 'SHA256:Nlx5x+w3DwaLPp01PQanorRKCfM0wD1U8kSrHVNKkvI',
  },
  {
    type: 'ecdsa-sha2-nistp256',
    line: 'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFgMAtKuP3LVdAEzzkDFruRUVlfCzEKDYK0w8zm+jXPzxIfICAya+xtvJY3TShhqPg3cwz8MiejPDbB1JCzu38g= me@example.com',
    fingerprint: 'SHA256:3R/aQulIAc6IVCJkuynqJVfvOb6MEIHTwX+JZ4F9no4',
  },
  {
    type: 'ecdsa-sha2-nistp384',
    line: 'ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBIio9A/oDG86s/dea3WV0ZMu5kxzw8cmKkPe4OXn3IptV1tonoG6heGhmspaAYAUnaWRhckmuqEWuTW8A8G0X+8d9uyZ7PL8PFhF3Dnn8suW+pZgAAjiJrpJFj2O67KWhA== me@example.com',
    fingerprint: 'SHA256:CbBoRV2yG+4MNGIaP4UI2NcNcgRKZqcGgxLiITJ5scY',
  },
  {
    type: 'ecdsa-sha2-nistp521',
    line: 'ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBACkNa0ns1ra+VCsUhA+56Nb83TgVWrEkakJ8juA8N0j16AJ9VwDq6I7p050B2QkTtD5HtlU3eGiCntJFwHzVdF9EgBy/Spb1P4I82GxYweTwzKiIl/gqUv5tOC7aCDEL93z2F6zGSWvYpaeKqPSPR8p4iyvvCtAybVs5hm664ydWttJsg== me@example.com',
    fingerprint: 'SHA256:O+TWWJS7hnHJOuTzaXfCSKLLkgQYM6T09eU6qSs+Z20',
  },
  {
    type: 'ssh-rsa',
    line: 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC92al58SHgTr8eo1Na8/htuu8kUlSAX4U6no8MAn+Pv1fEjLuo6QH24tyAKGx6H2X3JYdPj1r/SjtOv/18yR9ikeqF3j8+p1EhX+Y2EnwmZbHCCI3BXWwVe7lfGlezAKYHZisF6yBW2V6s8jhy/m83SbZ4qEn2ZAFOR5cQTvzV+Zls96+3HI/ZH2ryDwX+CjIckOQqb+sdff/YY0pzQSPA/A7AhjnH32w2zQ302DVt3J2TTAsk41QdR9YUGyiiuckPyIQsVZvO9HPCut+aZyM2uP+2WMGxF3wCN6RKq1MO6t7P0yDJayc6q4ovjrAyPXtDjN+uV/YnK2ODt+W8PiH/ me@example.com',
    fingerprint: 'SHA256:e3cV2JnWgdRUQh7J8w3knqSbCVKZ5sItu17eh/dsJrQ',
  },
] as const
export const [ED25519, ECDSA] = [SAMPLE_KEYS[0], SAMPLE_KEYS[1]]
export const RSA_1024 =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDSQbfq3ALO1RPPYuWSAzqJ0iPymKRJ6yjPaTTSChDevrtk95nsao5wienWFqUsZJcqmnS7SWNbOIW8z9tbisTkzeCMWdIfAyHAY5DX868g/M7krSLryNCTV4WE6lVJLkDFguC/8P9G9tpbxLcSy+zdTuvlXI/VQLtbMoJOVZrolQ== me@example.com'
